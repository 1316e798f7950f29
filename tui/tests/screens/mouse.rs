//! The mouse does what keys do, and nothing else.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use dirigent_tui::model::Msg;

use super::world::World;

fn mouse(world: &mut World, kind: MouseEventKind, column: u16, row: u16) {
    world.msg(Msg::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }));
    world.draw();
}

/// Where a text stands on the screen: its column and row.
fn find(world: &World, wanted: &str) -> (u16, u16) {
    let text = world.text();
    let (row, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(wanted))
        .unwrap();
    let column = line[..line.find(wanted).unwrap()].chars().count();
    (u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn the_wheel_moves_and_a_click_selects_the_row() {
    let mut world = World::live(120, 40);
    world.press("g r");
    let selected = |world: &World| {
        world
            .text()
            .lines()
            .position(|line| line.chars().nth(1).is_some_and(|c| "▸>".contains(c)))
            .unwrap_or_else(|| panic!("{}", world.text()))
    };
    let first = selected(&world);
    mouse(&mut world, MouseEventKind::ScrollDown, 20, 10);
    assert_eq!(selected(&world), first + 3);
    mouse(&mut world, MouseEventKind::ScrollUp, 20, 10);
    assert_eq!(selected(&world), first);
    mouse(&mut world, CLICK, 20, u16::try_from(first + 4).unwrap());
    assert_eq!(selected(&world), first + 4);
    mouse(&mut world, CLICK, 20, u16::try_from(first + 1).unwrap());
    assert_eq!(selected(&world), first + 1);
    // Outside the list it goes as far as the list goes, and no click does harm.
    for (column, row) in [(0, 0), (119, 39), (119, 0), (60, 38), (500, 500)] {
        mouse(&mut world, CLICK, column, row);
    }
}

#[test]
fn a_click_on_a_key_is_that_key() {
    let mut world = World::live(120, 40);
    world.press("g r");
    let (column, row) = find(&world, "? keys");
    mouse(&mut world, CLICK, column + 3, row);
    assert!(world.text().contains("Keys of Runs"), "{}", world.text());
    world.press("esc");
    let (column, row) = find(&world, "3 Connect");
    mouse(&mut world, CLICK, column + 3, row);
    assert!(
        world.text().contains("no page of it is open yet"),
        "{}",
        world.text()
    );
    let (column, row) = find(&world, "⚑");
    mouse(&mut world, CLICK, column, row);
    assert_eq!(world.shell.place().page, "approvals");
}

#[test]
fn it_can_be_switched_off_and_decides_nothing_the_guard_would_not_let_through() {
    let mut world = World::live(120, 40);
    world.press("%");
    assert!(world.shell.wants_mouse() && world.text().contains("the mouse is on"));
    world.press("%");
    assert!(!world.shell.wants_mouse() && world.text().contains("the mouse is off"));
    // A request that has just come under the pointer is not decided by a click that was on its way.
    world.press("g a");
    let (column, row) = find(&world, "a approve");
    mouse(&mut world, CLICK, column, row);
    assert_eq!(world.held(), 0, "{}", world.text());
}
