//! nohup: where the output file is, its mode and its content.

use crate::case::{Case, Outcome, Stream, exits};

/// Output goes to a terminal, messages to a pipe.
fn nohup<const N: usize>(args: [&str; N]) -> Case {
    Case::new("nohup", args).streams(Stream::Null, Stream::Terminal, Stream::Pipe)
}

fn appending(name: &str) -> Outcome {
    exits(0).says(format!("nohup: appending output to '{name}'\n"))
}

const FAILED: &str = "nohup: failed to open 'nohup.out': Is a directory\n";

pub fn cases() -> Vec<Case> {
    vec![
        // the file's mode is 0600 whatever the umask, and the program has the umask all the same
        nohup(["sh", "-c", "umask"]).expect(appending("nohup.out").leaves("nohup.out", 0o600, "0022\n")),
        nohup(["sh", "-c", "umask"]).umask(0o600).expect(appending("nohup.out").leaves("nohup.out", 0o600, "0600\n")),
        nohup(["sh", "-c", "umask"]).umask(0o777).expect(appending("nohup.out").leaves("nohup.out", 0o600, "0777\n")),
        nohup(["sh", "-c", "umask"]).umask(0).expect(appending("nohup.out").leaves("nohup.out", 0o600, "0000\n")),
        // one that is there keeps its mode and its content
        nohup(["echo", "new"]).file_of_mode("nohup.out", 0o644, "old\n").expect(appending("nohup.out").leaves(
            "nohup.out",
            0o644,
            "old\nnew\n",
        )),
        nohup(["echo", "new"]).file_of_mode("nohup.out", 0o200, "old\n").expect(appending("nohup.out").leaves(
            "nohup.out",
            0o200,
            "old\nnew\n",
        )),
        // links are followed
        nohup(["echo", "new"])
            .file("target", "old\n")
            .symlink("target", "nohup.out")
            .expect(appending("nohup.out").leaves("target", 0o644, "old\nnew\n")),
        nohup(["echo", "new"])
            .symlink("target", "nohup.out")
            .expect(appending("nohup.out").leaves("target", 0o600, "new\n")),
        // HOME, where the first cannot be opened
        nohup(["echo", "a"])
            .directory("nohup.out")
            .directory("home")
            .env("HOME={dir}/home")
            .expect(appending("{dir}/home/nohup.out").leaves("home/nohup.out", 0o600, "a\n")),
        nohup(["echo", "a"])
            .directory("nohup.out")
            .directory("home")
            .env("HOME={dir}/home/")
            .expect(appending("{dir}/home/nohup.out").leaves("home/nohup.out", 0o600, "a\n")),
        nohup(["echo", "a"])
            .directory("nohup.out")
            .directory("home")
            .env("HOME=home")
            .expect(appending("home/nohup.out").leaves("home/nohup.out", 0o600, "a\n")),
        nohup(["echo", "a"])
            .directory("nohup.out")
            .directory("home")
            .env("HOME={dir}/home")
            .umask(0o777)
            .expect(appending("{dir}/home/nohup.out").leaves("home/nohup.out", 0o600, "a\n")),
        nohup(["echo", "a"])
            .directory_of_mode("sealed", 0o555)
            .directory("home")
            .set_up(|dir| crate::case::set_mode(&dir.join("home"), 0o777))
            .env("HOME={dir}/home")
            .by_nobody()
            .within("sealed")
            .expect(appending("{dir}/home/nohup.out").leaves("home/nohup.out", 0o600, "a\n")),
        // no such luck
        nohup(["touch", "ran"]).directory("nohup.out").expect(exits(125).says(FAILED).lacks("ran")),
        nohup(["touch", "ran"])
            .directory("nohup.out")
            .env("POSIXLY_CORRECT=")
            .expect(exits(127).says(FAILED).lacks("ran")),
        nohup(["touch", "ran"])
            .directory("nohup.out")
            .env("HOME=")
            .expect(exits(125).says([FAILED, FAILED].concat()).lacks("ran")),
        nohup(["touch", "ran"]).directory("nohup.out").env("HOME=/nonexistent").expect(
            exits(125)
                .says([FAILED, "nohup: failed to open '/nonexistent/nohup.out': No such file or directory\n"].concat())
                .lacks("ran"),
        ),
        nohup(["touch", "ran"]).directory("nohup.out").env("HOME=/nonexistent").env("POSIXLY_CORRECT=1").expect(
            exits(127)
                .says([FAILED, "nohup: failed to open '/nonexistent/nohup.out': No such file or directory\n"].concat())
                .lacks("ran"),
        ),
    ]
}
