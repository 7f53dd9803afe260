//! svwait: wait until services are up, down or ready.

use crate::applet::{Applet, Family, Grammar, Group, Manual, Process, Role};
use crate::exit::BERNSTEIN;
use crate::failure::WrongUsage;
use crate::number::seconds;
use crate::options::{Given, Opt};
use crate::service::origin::Origin;
use crate::service::waiting::{Awaited, Goal, Wish, wait};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svwait",
    about: "Wait until services are up, down or ready",
    group: Group::Supervision,
    family: Family::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[
        ("0", "they are what was waited for"),
        ("1", "a service has failed for good"),
        ("99", "the time is over"),
        ("102", "supervise has ended meanwhile"),
    ],
    changes: &[],
    on_request: &[],
    options: &[
        Opt::flag("u", "Wait until they are up (default)"),
        Opt::flag("d", "Wait until they are down"),
        Opt::flag("r", "Wait until they are ready"),
        Opt::flag("a", "Wait for all of them (default)"),
        Opt::flag("o", "Wait for any one of them"),
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
            "Where no supervise runs, a service is down; to be up or ready it is waited for, also if the directory `supervise` is still to \
             be made. If a supervise that was there ends, nobody knows any more, and that is the end: 102.",
            "Nothing is done while nothing happens: svwait sleeps until supervise writes its files, or ends. Where that cannot be watched, \
             as for want of the right to read `supervise`, it looks ten times a second. A DIR that cannot be entered is an error, 111.",
        ],
        sections: &[
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
    let mut wish = Wish { goal: Goal::Up, any: false, limit: None };
    for (id, value) in given.each() {
        match id {
            "u" => wish.goal = Goal::Up,
            "d" => wish.goal = Goal::Down,
            "r" => wish.goal = Goal::Ready,
            "a" => wish.any = false,
            "o" => wish.any = true,
            _ => wish.limit = Some(value.and_then(|value| seconds(value.bytes())).ok_or(WrongUsage)?),
        }
    }
    process.listeners.tool_runs(APPLET.name);
    let origin = Origin::open()?;
    let awaited = given.operands().iter().map(|dir| Awaited::new(dir.bytes())).collect();
    wait(APPLET.name, &origin, &process.environ, wish, awaited)
}
