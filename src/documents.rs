//! What an applet says of itself. clap renders help here, and manual pages and completions in tests/docs.rs, from the
//! one table that options are parsed by.

use crate::applet::{Applet, Dialect, OnRequest, bare};
use crate::applets;
use crate::call;
use crate::files::output::write_all;
use crate::options::{Misuse, Opt, with_standard};
use crate::sys::descriptor::STDOUT;
use crate::voice::exit::{ANOTHERS, CATENA, Code, Codes, SUCCESS};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use std::fmt::Write;

/// Writes a text that was asked for to standard output. Gives 0, or `code` if it did not arrive.
pub fn answer(text: &str, code: u8) -> u8 {
    if write_all(STDOUT, text.as_bytes()).is_ok() { 0 } else { code }
}

/// The words after the applet's name, in brackets where they may be left out.
pub fn synopsis(applet: &Applet) -> String {
    let mut parts = Vec::new();
    let flags: String =
        applet.options.iter().filter(|option| option.value.is_none()).filter_map(Opt::short).map(char::from).collect();
    if !flags.is_empty() {
        parts.push(format!("[-{flags}]"));
    }
    for option in applet.options.iter().filter(|option| option.value.is_none() && option.short().is_none()) {
        parts.push(format!("[--{}]", option.id));
    }
    for option in applet.options.iter().filter(|option| option.is_optional) {
        parts.push(format!("[--{}[={}]]", option.id, option.value.unwrap_or_default()));
    }
    // options that share one kind of value share one place
    let valued: Vec<&Opt> =
        applet.options.iter().filter(|option| option.value.is_some() && !option.is_optional).collect();
    let mut kinds: Vec<&str> = Vec::new();
    for kind in valued.iter().filter_map(|option| option.value) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for kind in kinds {
        let alike = || valued.iter().filter(|option| option.value == Some(kind));
        let letters: String = alike().filter_map(|option| option.short()).map(char::from).collect();
        let names: Vec<&str> = alike().filter(|option| option.short().is_none()).map(|option| option.id).collect();
        match letters.len() {
            0 => {}
            1 => parts.push(format!("[-{letters} {kind}]")),
            _ => parts.push(format!("[-{letters} {kind}]...")),
        }
        match names.as_slice() {
            [] => {}
            [name] => parts.push(format!("[--{name} {kind}]")),
            _ => parts.push(format!("[--NAME {kind}]...")),
        }
    }
    parts.extend(applet.operands.iter().map(|&(name, _)| name.to_owned()));
    if applet.is_link() {
        parts.push("PROGRAM [ARG]...".to_owned());
    }
    parts.join(" ")
}

/// What is said of a call that is wrong: the line that tells what `misuse` is, empty where the usage says it all.
pub fn complaint(applet: &'static Applet, misuse: Option<&Misuse>) -> Vec<u8> {
    let complaint = match (misuse, applet.dialect) {
        (None, Dialect::Bernstein) => return Vec::new(),
        (None, Dialect::Gnu) => b"missing operand".to_vec(),
        (None, Dialect::UtilLinux) => b"no command specified".to_vec(),
        (None, Dialect::Daemonize) => b"no program specified".to_vec(),
        (Some(misuse), Dialect::Bernstein | Dialect::Daemonize) => in_words_of_sgetopt(misuse),
        (Some(misuse), _) => in_words_of_glibc(misuse),
    };
    [applet.name.as_bytes(), b": ", &complaint, b"\n"].concat()
}

/// What comes after that: how the applet is called. It is all ours.
pub fn usage(applet: &'static Applet) -> String {
    let name = applet.name;
    match applet.dialect {
        Dialect::Bernstein => format!("{}\n", format!("{name}: usage: {name} {}", synopsis(applet)).trim_end()),
        Dialect::Gnu | Dialect::UtilLinux => format!("Try '{name} --help' for more information.\n"),
        Dialect::Daemonize => command(applet).render_help().to_string(),
    }
}

fn in_words_of_sgetopt(misuse: &Misuse) -> Vec<u8> {
    match misuse {
        Misuse::UnknownLetter(letter) => [b"illegal option -- ", &[*letter][..]].concat(),
        Misuse::UnknownName(name) => [b"illegal option -- ", *name].concat(),
        Misuse::LetterWithoutValue(letter) => [b"option requires an argument -- ", &[*letter][..]].concat(),
        Misuse::NameWithoutValue(name) => [b"option requires an argument -- ", name.as_bytes()].concat(),
        Misuse::UnwantedValue(name) => [b"option takes no argument -- ", name.as_bytes()].concat(),
        Misuse::Ambiguous(name, _) => [b"ambiguous option -- ", *name].concat(),
    }
}

fn in_words_of_glibc(misuse: &Misuse) -> Vec<u8> {
    match misuse {
        Misuse::UnknownLetter(letter) => [b"invalid option -- '", &[*letter][..], b"'"].concat(),
        Misuse::UnknownName(name) => [b"unrecognized option '--", *name, b"'"].concat(),
        Misuse::LetterWithoutValue(letter) => [b"option requires an argument -- '", &[*letter][..], b"'"].concat(),
        Misuse::NameWithoutValue(name) => [b"option '--", name.as_bytes(), b"' requires an argument"].concat(),
        Misuse::UnwantedValue(name) => [b"option '--", name.as_bytes(), b"' doesn't allow an argument"].concat(),
        Misuse::Ambiguous(name, all) => {
            let all: String = all.iter().map(|name| format!(" '--{name}'")).collect();
            [b"option '--", *name, b"' is ambiguous; possibilities:", all.as_bytes()].concat()
        }
    }
}

/// The applet as clap knows it, to render documents from. clap never parses.
pub fn command(applet: &'static Applet) -> Command {
    let operands = applet.operands.iter().map(|&(name, help)| {
        let is_list = name.ends_with("...");
        let bare = bare(name);
        let arg = Arg::new(bare).value_name(bare).help(help).required(!name.starts_with('['));
        if is_list { arg.num_args(0..).trailing_var_arg(true) } else { arg }
    });
    let program = applet.is_link().then(program);
    let usage = format!("{} {}", applet.name, synopsis(applet));
    bare_command(applet.name, applet.about, applet.options)
        .args(operands)
        .args(program)
        .override_usage(usage.trim_end().to_owned())
}

/// What every link ends with.
fn program() -> Arg {
    Arg::new("PROGRAM")
        .value_name("PROGRAM")
        .help("The next program and its arguments, untouched")
        .value_hint(ValueHint::CommandWithArguments)
        .num_args(1..)
        .trailing_var_arg(true)
        .required(true)
}

/// catena itself as clap knows it.
pub fn catena_command() -> Command {
    let names = PossibleValuesParser::new(applets::ALL.iter().map(|applet| applet.name));
    let name = Arg::new("APPLET").help("The first link's name").value_parser(names).hide_possible_values(true);
    let words = Arg::new("ARG").help("Its options and operands, and the rest of the chain").num_args(0..);
    bare_command(call::NAME, env!("CARGO_PKG_DESCRIPTION"), call::OPTIONS)
        .arg(name.required(true))
        .arg(words.trailing_var_arg(true).value_hint(ValueHint::CommandWithArguments))
        .override_usage(CATENA_USAGE.join("\n       "))
}

/// The ways to call catena by its own name.
pub const CATENA_USAGE: [&str; 3] =
    ["catena [--no-fuse] APPLET [ARG]...", "catena help [APPLET]", "catena --list | --install DIR | --version"];

/// The prose of catena's own manual page.
pub const CATENA_DESCRIPTION: &[&str] = &[
    "catena is a set of small programs, applets. Most are wrappers, each of which changes one thing about its own process \
     and then runs the program that the rest of its arguments name. So they compose: each is a link, and all together are \
     a chain, which ends with a program that is none of them. There is no shell in between, and no process is left behind \
     but where an applet says so. Those for daemons put a chain in the background and tell how its start went. The others \
     do a work of their own, and may end a chain: those for supervision, which keep services running, and those for \
     logging, which keep and read what services write.",
    "An applet is called by its own name, through a link to this program that bears it, or as `catena NAME`. In the \
     middle of a chain a word is looked up in PATH as any program is. Only if it is found nowhere, and the chain was \
     begun as `catena NAME`, a word that names an applet means that applet: so an uninstalled catena works, and so do \
     names that a shell keeps to itself.",
    "Where the next link turns out to be this very file, it is applied in the same process instead of by an exec: the \
     links of a chain cost one exec together. Nothing else is different: order of changes, messages, exit codes and the \
     state the last program finds are those of a chain of execs. Where an exec would make a difference, as after \
     softlimit(1) has lowered a limit on memory, there is a real one. Security modules, auditors and debuggers do see \
     one exec; `CATENA_FUSE=0` or `--no-fuse` gives them all.",
    "What an applet does not say it changes, it passes on as it was: signal dispositions and mask, pending signals and \
     timers, open and closed descriptors, environment entries in their order whatever they look like, umask, limits, \
     process id.",
    "The name that counts is the one that the program is started by, argv[0], without its directory, and without the `-` \
     that a login shell has before it. If that is neither an applet's nor catena, the name of the file that was run counts, \
     where the kernel knows one: whoever calls a link `worker`, or nothing at all, still runs its applet. With no word at \
     all, or a single empty one, an applet only says how it is called, with its code for that.",
    "catena refuses to run set-user-id, set-group-id or with file capabilities. Where a set-user-id program starts it, it \
     removes from the environment what the loader of glibc removes in its place, whatever it was built with: `LD_PRELOAD`, \
     `LD_LIBRARY_PATH` and the others that ld.so(8) names under \"Secure-execution mode\", `GLIBC_TUNABLES` and the \
     `MALLOC_` variables. PATH and all else are left to whoever wrote the set-user-id program.",
    "A system call that a filter denies, as those of containers and service managers do, is done without where it can be, \
     as on a kernel that does not have it. Otherwise the applet fails and says so. That does not go for poll and \
     clock_gettime, without which a wait may not end, and the static build may abort.",
    "A message is one line. In names, words and other text that an applet quotes, a control character, a line separator and \
     what turns the direction of writing become question marks, so that no line can be forged in a log and no terminal \
     commanded; everything else is as it came. nohup(1) quotes as its reference does, and svstat(1) escapes in JSON.",
];

/// Exit codes of catena itself.
pub const CATENA_EXIT_STATUS: &[(Code, &str)] = &[
    (SUCCESS, "a text asked for was printed, or all links are in place"),
    (Code::Number(CATENA.usage), "wrong usage"),
    (Code::Number(CATENA.failure), "a link could not be made, or catena runs set-id"),
    (Code::Number(CATENA.not_found), "there is no such applet"),
    (Code::Other("else"), "what the chain ends with"),
];

/// Variables that catena itself reads.
pub const CATENA_ENVIRONMENT: &[(&str, &str)] = &[
    ("CATENA_FUSE", "With `0`, the link that finds it in its environment runs the next by a real exec, always."),
    (
        "CATENA_STATUS_FD",
        "Reserved: by it a real exec of catena tells the next link where daemonize(1) listens. Every link removes it.",
    ),
    (
        "PATH",
        "Where programs are looked for; /bin:/usr/bin if it is not set. An empty element is the current directory.",
    ),
];

fn bare_command(name: &'static str, about: &'static str, options: &'static [Opt]) -> Command {
    let arg = |option: &'static Opt| {
        let arg = match option.value {
            Some(value) => Arg::new(option.id).value_name(value).action(ArgAction::Append),
            None => Arg::new(option.id).action(ArgAction::SetTrue),
        };
        let hint = match option.value {
            Some("DIR") => ValueHint::DirPath,
            Some("FILE") => ValueHint::FilePath,
            _ => ValueHint::Other,
        };
        let arg = if option.value.is_some() { arg.value_hint(hint) } else { arg };
        let arg = if option.is_optional { arg.num_args(0..=1).require_equals(true) } else { arg };
        arg.help(option.help).short(option.short().map(char::from)).long(option.long())
    };
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(with_standard(options).map(arg))
}

/// `NAME --help`.
pub fn help(applet: &'static Applet) -> String {
    let mut after = String::new();
    if applet.is_link() {
        after.push_str("Changes:\n");
        for change in applet.changes {
            let _ = writeln!(after, "  {}", change.words);
        }
    }
    if let Some((name, forms)) = applet.forms() {
        let _ = writeln!(after, "{name} is one of:");
        for (form, meaning) in forms {
            let _ = writeln!(after, "  {form:<12} {meaning}");
        }
    }
    if !applet.on_request.is_empty() {
        after.push_str("\nChanges where options ask for it:\n");
    }
    for OnRequest { change, .. } in applet.on_request {
        let _ = writeln!(after, "  {}", change.words);
    }
    after.push_str(if after.is_empty() { "Exit status:\n" } else { "\nExit status:\n" });
    for (code, meaning) in exit_status(applet) {
        let _ = writeln!(after, "  {code:<4} {meaning}");
    }
    if let Some((line, meaning)) = applet.manual.examples.first() {
        let _ = write!(after, "\nExample:\n  {line}\n      {meaning}");
    }
    command(applet).after_help(after).render_help().to_string()
}

/// Exit codes of an applet and what they mean.
pub fn exit_status(applet: &Applet) -> Vec<(String, String)> {
    let Codes { usage, failure, not_found, not_runnable, posixly_correct } = applet.codes;
    let mut rows: Vec<(u8, &str)> = vec![
        (usage, "wrong usage"),
        (failure, if applet.is_link() { "the change could not be made" } else { "it could not be done" }),
    ];
    if applet.is_link() {
        rows.push((not_found, "the program does not exist"));
        rows.push((not_runnable, "the program exists but cannot be run"));
    }
    rows.sort_by_key(|&(code, _)| code);
    let mut merged: Vec<(String, String)> = Vec::new();
    for (code, meaning) in rows {
        match merged.last_mut() {
            Some((last, text)) if *last == code.to_string() => {
                text.push_str(", or ");
                text.push_str(meaning);
            }
            _ => merged.push((code.to_string(), meaning.to_owned())),
        }
    }
    if let Some(code) = posixly_correct {
        let _ = merged[0].1.write_fmt(format_args!(" ({code} if POSIXLY_CORRECT is set)"));
    }
    for (code, meaning) in applet.other_codes.iter().map(|&(code, meaning)| (code.to_string(), meaning)) {
        match merged.iter_mut().find(|(known, _)| *known == code) {
            Some((_, text)) => {
                text.push_str(", or ");
                text.push_str(meaning);
            }
            None => merged.push((code, meaning.to_owned())),
        }
    }
    // what is no number comes last
    merged.sort_by_key(|(code, _)| code.parse().unwrap_or(u32::MAX));
    if applet.is_link() && !applet.other_codes.iter().any(|&(code, _)| code == ANOTHERS) {
        let own = match applet.forks() {
            true => "the program's own, where it takes this process's place or is waited for",
            false => "the program's own: it takes this process's place",
        };
        merged.push(("else".to_owned(), own.to_owned()));
    }
    merged
}

/// How many bytes at the end of a text, behind a line, are the usage text of an applet, word for word.
pub fn usage_at_end(text: &[u8]) -> usize {
    let usages = applets::ALL.iter().map(|applet| usage(applet));
    let mut behind_a_line =
        usages.filter(|own| text.strip_suffix(own.as_bytes()).is_some_and(|line| line.ends_with(b"\n")));
    behind_a_line.next().map_or(0, |own| own.len())
}

/// `NAME --version`.
pub fn version(applet: &Applet) -> String {
    format!("{} from {}", applet.name, catena_version())
}

/// `catena --version`.
pub fn catena_version() -> String {
    concat!("catena ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

/// `catena --list`.
pub fn names() -> String {
    applets::ALL.iter().map(|applet| format!("{}\n", applet.name)).collect()
}

/// `catena` and `catena --help`.
pub fn overview() -> String {
    let mut after = String::from("Applets:\n");
    for &(group, applets) in applets::GROUPS {
        let _ = writeln!(after, "  {}", group.title());
        for applet in applets {
            let _ = writeln!(after, "    {:<14} {}", applet.name, applet.about);
        }
    }
    after.push_str(
        "\nThose with PROGRAM in their usage change one thing about their process and run the rest of their arguments:\n  \
         catena envdir ./env setuidgid nobody softlimit -o 1024 ./server\n\
         A link called like an applet is that applet. `catena help NAME` tells more.",
    );
    catena_command().after_help(after).render_help().to_string()
}
