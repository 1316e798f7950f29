//! The least a ratatui program can do: a page of a table, a log and three lines, drawn when a key changed it.
//!
//! No daemon, no keeper, no thread, no keymap: what stands between this and the client is what the client does.

use std::error::Error;
use std::io::{self, BufWriter, Stdout, Write, stdout};

use crossterm::event::{Event, KeyCode, KeyEventKind, read};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::layout::{Constraint, Layout};
use ratatui::prelude::{CrosstermBackend, Frame, Line, Stylize, Terminal};
use ratatui::widgets::{Block, Paragraph, Row, Table, TableState};

/// In the environment of a process that is to be the bare page.
pub(crate) const ASKED: &str = "DIRIGENT_BENCH_BARE";

const ROWS: usize = 60;

struct Page {
    selected: usize,
    rows: Vec<[String; 5]>,
    log: Vec<String>,
}

impl Page {
    fn new() -> Self {
        let state = |at: usize| ["running", "waiting", "failed", "completed"][at % 4].to_owned();
        Self {
            selected: 0,
            rows: (0..ROWS)
                .map(|at| {
                    [
                        format!("run-{at:04}"),
                        format!("nightly-{}", at % 7),
                        state(at),
                        format!("{}k", at * 3),
                        format!("{at}m"),
                    ]
                })
                .collect(),
            log: (0..10)
                .map(|at| format!("18:{at:02}:07 step {at} http.get 200 {} bytes", at * 331))
                .collect(),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let [head, table, log, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(4),
            Constraint::Length(12),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(
            Line::from("Dashboard > runs   [1]Runs [2]Approvals [3]Build").bold(),
            head,
        );
        let widths = [10, 20, 12, 10, 8].map(Constraint::Length);
        let rows = self
            .rows
            .iter()
            .map(|row| Row::new(row.each_ref().map(String::as_str)));
        let rows = Table::new(rows, widths)
            .header(Row::new(["run", "workflow", "state", "tokens", "age"]).bold())
            .row_highlight_style(ratatui::style::Style::new().reversed())
            .block(Block::bordered().title(" Runs "));
        let mut state = TableState::default().with_selected(Some(self.selected));
        frame.render_stateful_widget(rows, table, &mut state);
        let lines: Vec<Line<'_>> = self.log.iter().map(|line| Line::from(line.as_str())).collect();
        frame.render_widget(
            Paragraph::new(lines).block(Block::bordered().title(" Detail ")),
            log,
        );
        frame.render_widget(
            Line::from(" j/k move  Enter open  / filter  ? help  q quit").dim(),
            foot,
        );
    }
}

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

fn paint(screen: &mut Screen, page: &Page) -> io::Result<()> {
    queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
    screen.draw(|frame| page.draw(frame))?;
    queue!(screen.backend_mut(), EndSynchronizedUpdate)?;
    Write::flush(screen.backend_mut())
}

/// Until `q`.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, cursor::Hide)?;
    let mut screen = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))?;
    let mut page = Page::new();
    paint(&mut screen, &page)?;
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Char('q') => break,
            KeyCode::Char('j') => page.selected = (page.selected + 1).min(ROWS - 1),
            KeyCode::Char('k') => page.selected = page.selected.saturating_sub(1),
            _ => continue,
        }
        paint(&mut screen, &page)?;
    }
    execute!(stdout(), LeaveAlternateScreen, cursor::Show)?;
    disable_raw_mode()?;
    Ok(())
}
