//! Manual pages.

use catena::applet::{Applet, OnRequest};
use catena::applets;
use catena::documents;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// The page of an applet.
pub fn page(applet: &'static Applet) -> String {
    let man = man(documents::command(applet));
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();

    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text(synopsis(applet.name, &documents::synopsis(applet)));
    roff.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut roff, applet.manual.description);
    if applet.is_link() {
        roff.control("SH", ["WHAT IT CHANGES"]);
        roff.text([roman("The program runs with everything as it was, but for")]);
    }
    for change in applet.changes {
        item(&mut roff, vec![roman("\u{2022}")], Some("2"));
        roff.text([roman(change.words)]);
    }
    if !applet.on_request.is_empty() {
        roff.control("PP", []);
        roff.text([roman("and, where options ask for it,")]);
    }
    for OnRequest { change, .. } in applet.on_request {
        item(&mut roff, vec![roman("\u{2022}")], Some("2"));
        roff.text([roman(change.words)]);
    }
    page.extend(roff.to_roff().into_bytes());

    man.render_options_section(&mut page).unwrap();

    let mut roff = Roff::new();
    if let Some((name, forms)) = applet.forms() {
        roff.control("SH", [format!("{name}S").as_str()]);
        for (form, meaning) in forms {
            item(&mut roff, vec![bold(*form)], Some("14"));
            roff.text(inlines(meaning));
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in documents::exit_status(applet) {
        item(&mut roff, vec![bold(code)], Some("9"));
        roff.text([roman(meaning)]);
    }
    for (heading, texts) in applet.manual.sections {
        roff.control("SH", [*heading]);
        paragraphs(&mut roff, texts);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (line, meaning) in applet.manual.examples {
        item(&mut roff, vec![bold(*line)], None);
        roff.text(inlines(meaning));
    }
    roff.control("SH", ["COMPATIBILITY"]);
    roff.text([roman(format!("The reference is {}.", applet.manual.reference))]);
    for difference in applet.manual.differences {
        item(&mut roff, vec![roman("\u{2022}")], Some("2"));
        roff.text(inlines(difference));
    }
    see_also(&mut roff, applet.manual.see_also.iter().copied().chain(["catena(1)"]));
    page.extend(roff.to_roff().into_bytes());
    finished(page)
}

/// The page of catena itself.
pub fn catena() -> String {
    let man = man(documents::catena_command());
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();

    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    for (place, usage) in documents::CATENA_USAGE.iter().enumerate() {
        if place > 0 {
            roff.control("br", []);
        }
        let (name, rest) = usage.split_once(' ').unwrap();
        roff.text(synopsis(name, rest));
    }
    roff.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut roff, documents::CATENA_DESCRIPTION);
    roff.control("SH", ["APPLETS"]);
    for applet in applets::ALL {
        item(&mut roff, vec![bold(applet.name), roman("(1)")], Some("15"));
        roff.text([roman(applet.about)]);
    }
    page.extend(roff.to_roff().into_bytes());
    man.render_options_section(&mut page).unwrap();

    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in documents::CATENA_EXIT_STATUS {
        item(&mut roff, vec![bold(code.to_string())], Some("9"));
        roff.text([roman(*meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in documents::CATENA_ENVIRONMENT {
        item(&mut roff, vec![bold(*name)], None);
        roff.text(inlines(meaning));
    }
    see_also(&mut roff, applets::ALL.iter().map(|applet| format!("{}(1)", applet.name)));
    page.extend(roff.to_roff().into_bytes());
    finished(page)
}

/// When this version was last worked on. The day of the build would make two builds of one version differ.
const DATE: &str = "2026-11-29";

fn man(command: clap::Command) -> Man {
    let source = format!("catena {}", env!("CARGO_PKG_VERSION"));
    Man::new(command).section("1").date(DATE).source(source).manual("catena")
}

fn finished(page: Vec<u8>) -> String {
    String::from_utf8(page).unwrap()
}

/// A tagged paragraph; its text follows.
fn item(roff: &mut Roff, tag: Vec<Inline>, width: Option<&str>) {
    roff.control("TP", width);
    roff.text(tag);
}

fn paragraphs(roff: &mut Roff, texts: &[&str]) {
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            roff.control("PP", []);
        }
        roff.text(inlines(text));
    }
}

/// Words in capitals are what the user fills in; the rest is typed as it stands.
fn synopsis(name: &str, rest: &str) -> Vec<Inline> {
    let mut line = vec![bold(name)];
    for word in rest.split(' ') {
        line.push(roman(" "));
        let mut left = word;
        while !left.is_empty() {
            let is_name = |text: char| text.is_ascii_uppercase();
            let is_mark = |text: char| "[]|.:".contains(text);
            let first = left.chars().next().unwrap();
            let kind = |text: char| (is_name(text), is_mark(text));
            let end = left.find(|text| kind(text) != kind(first)).unwrap_or(left.len());
            let (part, after) = left.split_at(end);
            // -nNxX is all typed, although some of it is in capitals
            let typed = word.trim_start_matches('[').starts_with('-');
            line.push(match kind(first) {
                (_, true) => roman(part),
                (true, _) if !typed => italic(part),
                _ => bold(part),
            });
            left = after;
        }
    }
    line
}

/// `typed`, **important** and NAME(section) in their fonts.
fn inlines(text: &str) -> Vec<Inline> {
    let mut line = Vec::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            line.push(bold(part));
            continue;
        }
        for (place, part) in part.split("**").enumerate() {
            line.push(if place % 2 == 1 { bold(part) } else { roman(part) });
        }
    }
    line
}

fn see_also<T: AsRef<str>>(roff: &mut Roff, pages: impl Iterator<Item = T>) {
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for page in pages {
        let (name, section) = page.as_ref().split_once('(').unwrap();
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(name));
        line.push(roman(format!("({section}")));
    }
    roff.text(line);
}
