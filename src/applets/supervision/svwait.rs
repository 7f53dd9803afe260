//! svwait: wait until services are up, down or ready.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::number::seconds;
use crate::options::{Given, Opt};
use crate::service::origin::Origin;
use crate::service::waiting::{Awaited, Goal, Wish, wait};
use crate::voice::exit::{BERNSTEIN, Code, SUCCESS, SUPERVISE_ENDED, TIMED_OUT, WAIT_FAILED};
use crate::voice::failure::WrongUsage;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svwait",
    about: "Wait until services are up, down or ready",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[
        (SUCCESS, "they are what was waited for"),
        (Code::Number(WAIT_FAILED), "a service has failed for good"),
        (Code::Number(TIMED_OUT), "the time is over"),
        (Code::Number(SUPERVISE_ENDED), "supervise has ended meanwhile"),
        (Code::Number(BERNSTEIN.failure), "no supervise runs for a service that is to be up or ready"),
    ],
    changes: &[],
    on_request: &[],
    options: &[
        Opt::flag("u", "Wait until they are up (default)"),
        Opt::flag("d", "Wait until they are down"),
        Opt::flag("r", "Wait until they are ready"),
        Opt::flag("a", "Wait for all of them (default)"),
        Opt::flag("o", "Wait for any one of them"),
        Opt::flag("appear", "Wait for a supervise, too, where none runs yet"),
        Opt::valued("t", "SECONDS", "Wait no longer than this; decimals are allowed, 0 only looks"),
    ],
    operands: &[("DIR...", "Service directories")],
    example: &[],
    manual: Manual {
        description: &[
            "Waits until the services in the directories DIR are what is asked for, and says by its exit code how that went. Of `-u`, \
             `-d` and `-r`, and of `-a` and `-o`, the last given counts.",
            "**Up** means that `run` runs, and not only `start` or `finish`; a service that has a `start` and no `run` is up once that \
             has succeeded. **Ready** means up, and that the service has said so if it has a `notification-fd` (see supervise(1)); one \
             that never says it counts as ready when it is up. **Down** means that nothing of it runs.",
            "Nothing is done while nothing happens: svwait sleeps until supervise writes its files, or ends. Where that cannot be watched, \
             as for want of the right to read `supervise`, it looks ten times a second. Whatever happens, SECONDS are not exceeded: what \
             is seen when they are over is the last word. Without `-t` the wait has no end of its own. A DIR that cannot be entered is an \
             error, 111.",
        ],
        sections: &[
            (
                "WITHOUT SUPERVISE",
                &[
                    "Where no supervise runs, nobody will bring a service up: `no supervise runs for DIR`, and 111, whether there never was one \
                 or it has ended before. With `--appear` a supervise is waited for as well, also if the directory `supervise` is still to be \
                 made: as right after svscan has been started. If a supervise that was seen ends, nobody knows any more, and that is \
                 the end: 102.",
                    "With `-d`, such a service is down, unless a process of it runs on, as after kill -9 of its supervise. Then a warning names \
                 the process, and its end is waited for, or a supervise that takes it over. It is known by `info`, with the time of its start, \
                 so that another process that has its number by now is not taken for it. Where another kind of supervise has ended, it is \
                 the process that `status` names, if it was started when `status` says, within five seconds; once the clock has been set, \
                 and without /proc, that cannot be told, and the service counts as down. What a service has left behind besides its own process is not known.",
                    "A service of s6, which writes other files, cannot be waited for: 111.",
                ],
            ),
            (
                "SEVERAL DIRECTORIES",
                &[
                    "Without `-o`, the first one that fails ends the wait. With `-o`, one that fails is out of the race; the code is the first \
                 one's if all of them are.",
                ],
            ),
            (
                "FILES",
                &[
                    "`DIR/supervise/ok`, `DIR/supervise/status` and `DIR/supervise/info`. `SUPERVISEDIR` may name another directory than \
                 `supervise`: see svc(1).",
                ],
            ),
        ],
        examples: &[
            ("svwait -t 10 /service/database", "Go on when the database is up, or after ten seconds."),
            ("svwait -r -t 30 /service/database /service/cache", "The same for two that say when they are ready."),
            (
                "svwait -d /service/web",
                "Wait until it is down; `svc -d --wait=down /service/web` tells it to go down as well.",
            ),
            ("svwait --appear -t 30 /service/web", "Wait until it is up, though svscan may not have found it yet."),
        ],
        reference: "catena's own",
        differences: &[
            "There is none in daemontools. The codes 99 and 102, `-a` and `-o` are those of s6-svwait, which waits for s6's services \
             only, and counts milliseconds.",
        ],
        see_also: &["svc(1)", "svstat(1)", "svup(1)", "supervise(1)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let mut wish = Wish { goal: Goal::Up, any: false, limit: None, appear: given.has("appear") };
    for (id, value) in given.each() {
        match id {
            "u" => wish.goal = Goal::Up,
            "d" => wish.goal = Goal::Down,
            "r" => wish.goal = Goal::Ready,
            "a" => wish.any = false,
            "o" => wish.any = true,
            "appear" => {}
            _ => wish.limit = Some(value.and_then(|value| seconds(value.bytes())).ok_or(WrongUsage)?),
        }
    }
    process.listeners.tool_runs(APPLET.name);
    let origin = Origin::open()?;
    let awaited = given.operands().iter().map(|dir| Awaited::new(dir.bytes())).collect();
    wait(APPLET.name, &origin, &process.environ, wish, awaited)
}
