//! Completions. clap_complete knows an applet's options and operands; that the words after them are a command line of
//! their own is said here, in each shell's way.

use catena::applet::Applet;
use catena::applets;
use catena::documents;
use catena::options::with_standard;
use clap_complete::{Generator, Shell, generate};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// All files and their texts.
pub fn all() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for applet in applets::ALL {
        let text = |shell| rendered(shell, documents::command(applet), applet.name);
        add(
            &mut files,
            applet.name,
            [bash(applet, text(Shell::Bash)), zsh(text(Shell::Zsh)), fish(applet, text(Shell::Fish))],
        );
    }
    let text = |shell| rendered(shell, documents::catena_command(), "catena");
    let of_catena = [catena_bash(text(Shell::Bash)), text(Shell::Zsh), catena_fish(text(Shell::Fish))];
    add(&mut files, "catena", of_catena);
    files
}

fn add(files: &mut Vec<(PathBuf, String)>, name: &str, [bash, zsh, fish]: [String; 3]) {
    let completions = Path::new("completions");
    files.push((completions.join("bash").join(name), bash));
    files.push((completions.join("zsh").join(format!("_{name}")), zsh));
    files.push((completions.join("fish").join(format!("{name}.fish")), fish));
}

fn rendered(shell: impl Generator, mut command: clap::Command, name: &str) -> String {
    let mut text = Vec::new();
    generate(shell, &mut command, name, &mut text);
    String::from_utf8(text).unwrap()
}

/// Options whose value may be the next word.
fn valued(applet: &Applet) -> Vec<String> {
    let mut names = Vec::new();
    for option in with_standard(applet.options).filter(|option| option.value.is_some() && !option.is_optional) {
        names.extend(option.short().map(|letter| format!("-{}", char::from(letter))));
        names.extend(option.long().map(|name| format!("--{name}")));
    }
    names
}

fn bash(applet: &Applet, mut text: String) -> String {
    if !applet.is_link() {
        return text;
    }
    let name = applet.name;
    let valued = valued(applet).join("|");
    let skip = if valued.is_empty() { String::new() } else { format!("            {valued}) ((place += 2)) ;;\n") };
    let operands = applet.operands.len();
    let _ = write!(
        text,
        "
# The program and its arguments are completed as a command line of their own.
_catena_{name}() {{
    local place=1
    while ((place < COMP_CWORD)); do
        case ${{COMP_WORDS[place]}} in
            --) ((place += 1)); break ;;
{skip}            -?*) ((place += 1)) ;;
            *) break ;;
        esac
    done
    ((place += {operands}))
    if ((COMP_CWORD >= place)) && [[ $2 != -* || ${{COMP_WORDS[place]}} != \"$2\" ]] && declare -F _command_offset >/dev/null; then
        _command_offset \"$place\"
    else
        _{name} \"$@\"
    fi
}}
complete -F _catena_{name} -o bashdefault -o default {name}
"
    );
    text
}

/// Where a letter is a sign that means something behind an option's name to `_arguments`, that takes a backslash.
fn zsh(text: String) -> String {
    text.replace("\n'-+[", "\n'-\\+[").replace("\n'-=[", "\n'-\\=[")
}

fn catena_bash(mut text: String) -> String {
    text.push_str(
        "
# An applet and its arguments are completed as if the applet had been called by its name.
_catena_chain() {
    local place=1
    while ((place < COMP_CWORD)) && [[ ${COMP_WORDS[place]} == --no-fuse ]]; do
        ((place += 1))
    done
    if ((COMP_CWORD > place)) && [[ ${COMP_WORDS[place]} != -* ]] && declare -F _command_offset >/dev/null; then
        _command_offset \"$place\"
    else
        _catena \"$@\"
    fi
}
complete -F _catena_chain -o bashdefault -o default catena
",
    );
    text
}

fn fish(applet: &Applet, mut text: String) -> String {
    if !applet.is_link() {
        return text;
    }
    let skip = applet.operands.len() + 1;
    let valued: String = valued(applet).iter().map(|name| format!(" {name}")).collect();
    let separator = if valued.is_empty() { "" } else { " --" };
    let _ = writeln!(
        text,
        "complete -c {} -x -a \"(__fish_complete_subcommand --fcs-skip={skip}{separator}{valued})\"",
        applet.name
    );
    text
}

fn catena_fish(mut text: String) -> String {
    let names: Vec<&str> = applets::ALL.iter().map(|applet| applet.name).collect();
    let _ = writeln!(
        text,
        "complete -c catena -n __fish_is_first_arg -x -a \"{}\"\n\
         complete -c catena -n 'not __fish_is_first_arg' -x -a \"(__fish_complete_subcommand)\"",
        names.join(" ")
    );
    text
}
