//! THE table: every action with its name, group, default keys and meaning.
//!
//! Lower case is safe or asks; upper case is stronger; the key that confirms is never the key that asked.

/// Where an action may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// On every page, without the page saying so.
    Everywhere,
    /// Moving and looking, on pages that list it.
    Lists,
    /// Doing something with the object under the cursor, on pages that list it.
    Objects,
}

impl Group {
    /// Heading in the help and the manual.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Lists => "Lists and text",
            Self::Objects => "Objects",
        }
    }
}

macro_rules! actions {
    ($($group:ident { $($variant:ident $name:literal [$($key:literal),+] $doc:literal;)+ })+) => {
        /// Something a person can do with one key (or from the palette).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[doc = $doc] $variant,)+)+ }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// Name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)+)+ }
            }

            /// Where it may be taken.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $($(Self::$variant => Group::$group,)+)+ }
            }

            /// Keys that take it unless remapped, in the notation of the configuration.
            #[must_use]
            pub const fn keys(self) -> &'static [&'static str] {
                match self { $($(Self::$variant => &[$($key),+],)+)+ }
            }

            /// What it means where a page does not say more.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $($(Self::$variant => $doc,)+)+ }
            }
        }
    };
}

actions! {
    Everywhere {
        Help "help" ["?"] "keys of this page";
        Palette "palette" [":", "ctrl-p"] "command";
        Space1 "operate" ["1"] "space Operate";
        Space2 "build" ["2"] "space Build";
        Space3 "connect" ["3"] "space Connect";
        Space4 "observe" ["4"] "space Observe";
        Space5 "admin" ["5"] "space Admin";
        PrevPage "prev-page" ["["] "previous page of the space";
        NextPage "next-page" ["]"] "next page of the space";
        Oldest "oldest-approval" ["!"] "oldest approval";
        NextPane "next-pane" ["tab"] "next pane";
        PrevPane "prev-pane" ["shift-tab"] "previous pane";
        Back "back" ["esc"] "up one level; twice: to the page's list";
        HistoryBack "history-back" ["ctrl-o"] "where I was before";
        HistoryForward "history-forward" ["ctrl-n"] "forward again";
        EditOutside "edit-outside" ["E", "ctrl-g"] "the object or the text field in $EDITOR";
        PageOutside "page-outside" ["o"] "the whole text in $PAGER";
        Redraw "redraw" ["ctrl-l"] "draw the screen anew";
        Mouse "mouse" ["%"] "mouse on, off";
        Quit "quit" ["q"] "quit; runs go on in the daemon";
        Interrupt "interrupt" ["ctrl-c"] "cancel what is open; twice: quit";
        Suspend "suspend" ["ctrl-z"] "back to the shell, fg returns";
    }
    Lists {
        Up "up" ["k", "up"] "up";
        Down "down" ["j", "down"] "down";
        Left "left" ["h", "left"] "left";
        Right "right" ["l", "right"] "right";
        Top "top" ["g g", "home"] "first";
        Bottom "bottom" ["G", "end"] "last; in a stream: now";
        HalfUp "half-up" ["ctrl-u"] "half a page up";
        HalfDown "half-down" ["ctrl-d"] "half a page down";
        PageUp "page-up" ["ctrl-b", "pgup"] "page up";
        PageDown "page-down" ["ctrl-f", "pgdn"] "page down";
        Filter "filter" ["/"] "filter a list, find in a text";
        FindNext "find-next" ["n"] "next hit";
        FindPrev "find-prev" ["N"] "previous hit";
        Mark "mark" ["space"] "mark, fold";
        MarkRange "mark-range" ["v"] "mark a range";
        MarkInvert "mark-invert" ["*"] "invert the marks";
        Sort "sort" ["s"] "sort by the next column";
        SortReverse "sort-reverse" ["S"] "reverse the order";
        Facets "facets" ["f"] "facets";
        FullPane "full-pane" ["F"] "pane full screen";
        Pause "pause" ["p"] "pause, follow";
        Wrap "wrap" ["w"] "wrap lines";
        View "view" ["t"] "change the view, the range";
        PrevTab "prev-tab" ["<"] "previous tab of the detail";
        NextTab "next-tab" [">"] "next tab of the detail";
        ZoomOut "zoom-out" ["-"] "less detail";
        ZoomIn "zoom-in" ["+"] "more detail";
        ZoomFit "zoom-fit" ["0"] "fit";
        PanLeft "pan-left" ["{"] "pan left";
        PanRight "pan-right" ["}"] "pan right";
        CriticalPath "critical-path" ["C"] "critical path, compare";
    }
    Objects {
        Open "open" ["enter"] "open, down one level";
        Edit "edit" ["e"] "edit";
        Create "create" ["c"] "create";
        Diff "diff" ["D"] "differences, versions";
        Copy "copy" ["y"] "copy";
        CopyLink "copy-link" ["Y"] "copy the link";
        Undo "undo" ["u"] "undo";
        Redo "redo" ["ctrl-r"] "redo";
        Stop "stop" ["x"] "stop, deny, delete (asks)";
        StopRun "stop-run" ["X"] "deny and stop the run (asks)";
        Publish "publish" ["P"] "publish (asks)";
        Try "try" ["T"] "try, test, send";
        Approve "approve" ["a"] "approve, acknowledge";
        Rule "rule" ["A"] "approve and add a rule";
        Again "again" ["R"] "again, roll back (asks)";
        Later "later" ["z"] "later, silence";
        Hold "hold" ["Z"] "pause the run, let it go on";
        Save "save" ["ctrl-s"] "save, send";
        History "history" ["H"] "history";
        NextItem "next-item" ["J"] "next item";
        PrevItem "prev-item" ["K"] "previous item";
        Batch "batch" ["b"] "batch sheet";
        Start "start" ["B"] "begin a run";
        Ask "ask" ["r"] "ask, talk, runbook";
        Delegate "delegate" ["@"] "hand over to somebody";
        Amend "amend" ["="] "change what is asked";
        Link "link" ["L"] "link to another, signed link";
        Map "map" ["m"] "map fields";
        Validate "validate" ["V"] "validate";
        Discover "discover" ["d"] "discover";
        Insert "insert" ["i"] "insert behind";
        InsertBefore "insert-before" ["I"] "insert before";
        Rename "rename" ["M"] "rename";
    }
}

impl Action {
    /// The space (1 to 5) this action goes to.
    #[must_use]
    pub const fn space(self) -> Option<u8> {
        match self {
            Self::Space1 => Some(1),
            Self::Space2 => Some(2),
            Self::Space3 => Some(3),
            Self::Space4 => Some(4),
            Self::Space5 => Some(5),
            _ => None,
        }
    }
}
