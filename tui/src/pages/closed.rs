//! Pages that are not built yet: the palette finds them and says why they are closed; no tab shows them.

/// A page one cannot open.
#[derive(Debug)]
pub struct Closed {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Its space.
    pub space: u8,
    /// The letter it will have behind `g`.
    pub letter: char,
    /// Why it is closed.
    pub why: &'static str,
}

const fn row(id: &'static str, title: &'static str, space: u8, letter: char) -> Closed {
    Closed {
        id,
        title,
        space,
        letter,
        why: "not built yet",
    }
}

/// Every closed page.
pub const CLOSED: &[Closed] = &[
    row("alerts", "Alerts", 1, 'm'),
    row("automations", "Automations", 2, 'u'),
    row("integrations", "Integrations", 3, 'i'),
    row("knowledge", "Knowledge", 3, 'k'),
    row("training", "Training", 3, 't'),
    row("analytics", "Analytics", 4, 'y'),
    row("deployments", "Deployments", 4, 'e'),
    row("access", "Access and audit", 5, 'x'),
    row("team", "Team", 5, 'c'),
];
