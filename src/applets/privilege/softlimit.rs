//! softlimit: set soft resource limits, in the order given. A number above the hard limit is lowered to it.

use crate::applet::{Applet, Dialect, Link, Manual, Meaning, Role};
use crate::attributes::limits::{Limit, RESOURCES, SetLimit};
use crate::attributes::{Effect, Effects, View};
use crate::environ::Environ;
use crate::number::{self, POWERS};
use crate::options::{Given, Opt, Valued};
use crate::voice::exit::BERNSTEIN;
use crate::voice::failure::{Failure, WrongUsage};
use rlimit::Resource;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "softlimit",
    about: "Run a program with lower resource limits",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[RESOURCES],
    on_request: &[],
    options: &OPTIONS,
    operands: &[],
    example: &["-o", "64", "-c", "0"],
    manual: Manual {
        description: &[
            "Sets soft resource limits, one after the other in the order given, so that the last one wins, and runs \
             the program. LIMIT is a number, or `=` for the hard limit, or `-` or `unlimited` for none; none needs the \
             privilege to raise the hard limit where there is one. Where bytes are counted the number may end in k, M, \
             G or T, for powers of 1024.",
            "A number above the hard limit is lowered to it. The hard limit stays as it is: for LIMIT always, and \
             also for a long option with one bare number. **In prlimit(1) a bare number sets both; here only the \
             soft limit.** LIMITS is `SOFT`, `SOFT:`, `:HARD` or `SOFT:HARD`. A soft limit above the hard one of the same \
             word, as in `12:5`, is wrong usage; where only the hard limit is given, the soft one is lowered to it.",
            "Before the options, these variables are applied where they are set: SOFTLIMIT_ALLBYTES, COREBYTES, \
             DATABYTES, FILEBYTES, LOCKEDBYTES, MEMBYTES, OPENFILES, PROCS, RSSBYTES, STACKBYTES and CPUSECS, each \
             with SOFTLIMIT_ in front, for -a, -c, -d, -f, -l, -m, -o, -p, -r, -s and -t. One that holds no LIMIT is wrong usage, \
             as is a wrong word of a long option; the line before the usage names it.",
            "A memory limit too low for the next program kills it inside the exec by SIGSEGV, with no message that \
             anyone could write; too low for its dynamic loader, it exits with 127.",
        ],
        sections: &[],
        examples: &[
            ("softlimit -o 1024 -c 0 ./server", "No more than 1024 descriptors, and no core files."),
            ("softlimit -m 200M ./parser", "Memory that runs out in the parser, not in the machine."),
            ("softlimit --nofile 1024:4096 ./server", "The hard limit as well."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`-` and the variables are daemontools-encore's. Suffixes, `unlimited` \
             and the long options are additions.",
            "An empty LIMIT is wrong usage. The reference takes it for 0, which kills the program.",
            "A number of more than 64 bits is a very large one. In the reference it wraps around.",
        ],
        see_also: &["prlimit(1)", "setrlimit(2)"],
    },
    role: Role::Link(|given| Meaning::effects(Softlimit { limits: limits(given)? })),
};

/// The resources of `-m`, in the reference's order.
const MEMORY: &[Resource] = &[Resource::DATA, Resource::STACK, Resource::MEMLOCK, Resource::AS];

/// An option, the same as a variable, and whose limits it sets.
struct LimitOption {
    option: Valued,
    variable: &'static str,
    resources: &'static [Resource],
}

const fn row(option: Valued, variable: &'static str, resources: &'static [Resource]) -> LimitOption {
    LimitOption { option, variable, resources }
}

const ROWS: &[LimitOption] = &[
    row(Valued::new("a", "LIMIT", "All memory together (address space), in bytes"), "ALLBYTES", &[Resource::AS]),
    row(Valued::new("c", "LIMIT", "Core file, in bytes"), "COREBYTES", &[Resource::CORE]),
    row(Valued::new("d", "LIMIT", "Data segment, in bytes"), "DATABYTES", &[Resource::DATA]),
    row(Valued::new("f", "LIMIT", "Size of files written, in bytes"), "FILEBYTES", &[Resource::FSIZE]),
    row(Valued::new("l", "LIMIT", "Locked memory, in bytes"), "LOCKEDBYTES", &[Resource::MEMLOCK]),
    row(Valued::new("m", "LIMIT", "The four kinds of memory, -d -s -l -a, in bytes"), "MEMBYTES", MEMORY),
    row(Valued::new("o", "LIMIT", "Open descriptors: one above the highest number"), "OPENFILES", &[Resource::NOFILE]),
    row(Valued::new("p", "LIMIT", "Processes of the user"), "PROCS", &[Resource::NPROC]),
    row(Valued::new("r", "LIMIT", "Resident memory, in bytes; Linux has no such limit"), "RSSBYTES", &[Resource::RSS]),
    row(Valued::new("s", "LIMIT", "Stack, in bytes"), "STACKBYTES", &[Resource::STACK]),
    row(Valued::new("t", "LIMIT", "Processor time, in seconds"), "CPUSECS", &[Resource::CPU]),
    row(Valued::new("as", "LIMITS", "As -a"), "", &[Resource::AS]),
    row(Valued::new("core", "LIMITS", "As -c"), "", &[Resource::CORE]),
    row(Valued::new("cpu", "LIMITS", "As -t"), "", &[Resource::CPU]),
    row(Valued::new("data", "LIMITS", "As -d"), "", &[Resource::DATA]),
    row(Valued::new("fsize", "LIMITS", "As -f"), "", &[Resource::FSIZE]),
    row(
        Valued::new("locks", "LIMITS", "File locks and leases; without effect since Linux 2.4"),
        "",
        &[Resource::LOCKS],
    ),
    row(Valued::new("memlock", "LIMITS", "As -l"), "", &[Resource::MEMLOCK]),
    row(Valued::new("msgqueue", "LIMITS", "POSIX message queues of the user, in bytes"), "", &[Resource::MSGQUEUE]),
    row(
        Valued::new("nice", "LIMITS", "How far niceness may be raised: 20 less the lowest value, 1 to 40"),
        "",
        &[Resource::NICE],
    ),
    row(Valued::new("nofile", "LIMITS", "As -o"), "", &[Resource::NOFILE]),
    row(Valued::new("nproc", "LIMITS", "As -p"), "", &[Resource::NPROC]),
    row(Valued::new("rss", "LIMITS", "As -r"), "", &[Resource::RSS]),
    row(Valued::new("rtprio", "LIMITS", "Real-time priority"), "", &[Resource::RTPRIO]),
    row(
        Valued::new("rttime", "LIMITS", "Real-time processor time without a blocking call, in microseconds"),
        "",
        &[Resource::RTTIME],
    ),
    row(Valued::new("sigpending", "LIMITS", "Queued signals of the user"), "", &[Resource::SIGPENDING]),
    row(Valued::new("stack", "LIMITS", "As -s"), "", &[Resource::STACK]),
];

/// The options of [`ROWS`].
const OPTIONS: [Opt; ROWS.len()] = {
    let mut options = [ROWS[0].option.line(); ROWS.len()];
    let mut place = 0;
    while place < options.len() {
        options[place] = ROWS[place].option.line();
        place += 1;
    }
    options
};

struct Softlimit {
    limits: Vec<SetLimit>,
}

/// What the options ask for, in the order given.
fn limits(given: &Given) -> anyhow::Result<Vec<SetLimit>> {
    let mut limits = Vec::new();
    for option in given.in_order() {
        let row = ROWS.iter().find(|row| option.is(row.option)).ok_or(WrongUsage)?;
        let (name, text) = (option.name(), option.word());
        for &resource in row.resources {
            let (soft, hard) = match name.len() {
                // to a letter the reference has no more to say
                1 => (Some(limit(text, resource).ok_or(WrongUsage)?), None),
                _ => pair(text, resource).map_err(|what| wrong(&[b"--", name.as_bytes()].concat(), what, text))?,
            };
            limits.push(SetLimit { resource, soft, hard });
        }
    }
    Ok(limits)
}

/// What the variables ask for, which come before the options.
fn limits_of_variables(environ: &Environ) -> anyhow::Result<Vec<SetLimit>> {
    let mut limits = Vec::new();
    // one look at the environment tells most callers that there is nothing to look for
    if !environ.entries().iter().any(|entry| entry.bytes().starts_with(b"SOFTLIMIT_")) {
        return Ok(limits);
    }
    // those of several resources override what is for one
    let (single, several): (Vec<&LimitOption>, Vec<&LimitOption>) =
        ROWS.iter().partition(|row| row.resources.len() == 1);
    for row in single.into_iter().chain(several).filter(|row| !row.variable.is_empty()) {
        let name = [b"SOFTLIMIT_", row.variable.as_bytes()].concat();
        let Some(text) = environ.get(&name) else { continue };
        for &resource in row.resources {
            let soft = limit(text.bytes(), resource).ok_or_else(|| wrong(&name, NO_LIMIT, text.bytes()))?;
            limits.push(SetLimit { resource, soft: Some(soft), hard: None });
        }
    }
    Ok(limits)
}

/// What is wrong with a text that is no limit.
const NO_LIMIT: &str = "not a limit";

/// Wrong usage, with the name of what is wrong.
fn wrong(name: &[u8], what: &str, text: &[u8]) -> anyhow::Error {
    let said = match text {
        [] => [name, b": empty limit"].concat(),
        _ => [name, b": ", what.as_bytes(), b": ", text].concat(),
    };
    anyhow::Error::new(WrongUsage).context(Failure::new(said))
}

/// `SOFT`, `SOFT:`, `:HARD` or `SOFT:HARD`; or else what is wrong.
fn pair(text: &[u8], resource: Resource) -> Result<(Option<Limit>, Option<Limit>), &'static str> {
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return Ok((Some(limit(text, resource).ok_or(NO_LIMIT)?), None));
    };
    let side = |text: &[u8]| if text.is_empty() { Some(None) } else { limit(text, resource).map(Some) };
    match (side(&text[..colon]).ok_or(NO_LIMIT)?, side(&text[colon + 1..]).ok_or(NO_LIMIT)?) {
        (None, None) => Err(NO_LIMIT),
        // one of the two is not what was meant
        (Some(Limit::At(soft)), Some(Limit::At(hard))) if soft > hard => Err(REVERSED),
        (Some(Limit::Unlimited), Some(Limit::At(_))) => Err(REVERSED),
        pair => Ok(pair),
    }
}

/// Likewise, with a pair.
const REVERSED: &str = "soft limit above the hard one";

fn limit(text: &[u8], resource: Resource) -> Option<Limit> {
    match text {
        b"=" => Some(Limit::Hard),
        b"-" | b"unlimited" => Some(Limit::Unlimited),
        _ => number::scaled(text, if is_in_bytes(resource) { POWERS } else { &[] }).map(Limit::At),
    }
}

fn is_in_bytes(resource: Resource) -> bool {
    use Resource as R;
    [R::AS, R::CORE, R::DATA, R::FSIZE, R::MEMLOCK, R::MSGQUEUE, R::RSS, R::STACK].contains(&resource)
}

impl Link for Softlimit {
    fn effects(&self, view: &View<'_>) -> anyhow::Result<Effects> {
        let all = limits_of_variables(view.environ)?.into_iter().chain(self.limits.iter().copied());
        Ok(all.map(|limit| Box::new(limit) as Box<dyn Effect>).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_word() {
        assert_eq!(limit(b"20", Resource::NOFILE), Some(Limit::At(20)));
        assert_eq!(limit(b"=", Resource::NOFILE), Some(Limit::Hard));
        assert_eq!(limit(b"-", Resource::NOFILE), Some(Limit::Unlimited));
        assert_eq!(limit(b"unlimited", Resource::AS), Some(Limit::Unlimited));
        assert_eq!(limit(b"18446744073709551616", Resource::AS), Some(Limit::At(u64::MAX)));
    }

    #[test]
    fn suffixes_count_bytes_only() {
        assert_eq!(limit(b"3k", Resource::AS), Some(Limit::At(3072)));
        assert_eq!(limit(b"2T", Resource::STACK), Some(Limit::At(2 << 40)));
        assert_eq!(limit(b"99999999999T", Resource::STACK), Some(Limit::At(u64::MAX)));
        for bad in [&b""[..], b"k", b"1K", b"1kk", b"-1", b"+1", b"0x10", b"1 "] {
            assert_eq!(limit(bad, Resource::AS), None, "{bad:?}");
        }
        assert_eq!(limit(b"3k", Resource::NOFILE), None);
        assert_eq!(limit(b"3k", Resource::CPU), None);
    }

    #[test]
    fn a_pair_has_at_least_one_side() {
        let one = Some(Limit::At(1));
        let two = Some(Limit::At(2));
        assert_eq!(pair(b"1", Resource::NOFILE), Ok((one, None)));
        assert_eq!(pair(b"1:", Resource::NOFILE), Ok((one, None)));
        assert_eq!(pair(b":2", Resource::NOFILE), Ok((None, two)));
        assert_eq!(pair(b"1:2", Resource::NOFILE), Ok((one, two)));
        assert_eq!(pair(b"2:2", Resource::NOFILE), Ok((two, two)));
        assert_eq!(pair(b"=:2", Resource::NOFILE), Ok((Some(Limit::Hard), two)));
        assert_eq!(pair(b"1:-", Resource::NOFILE), Ok((one, Some(Limit::Unlimited))));
        assert_eq!(pair(b"2:=", Resource::NOFILE), Ok((two, Some(Limit::Hard))));
        for bad in [&b":"[..], b"", b"1:2:3", b"x:1", b"1:x", b"1:2x", b" 1:2"] {
            assert_eq!(pair(bad, Resource::NOFILE), Err(NO_LIMIT), "{bad:?}");
        }
        for bad in [&b"2:1"[..], b"12:5", b"-:5"] {
            assert_eq!(pair(bad, Resource::NOFILE), Err(REVERSED), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_limit_or_wrong_usage(text in proptest::collection::vec(proptest::sample::select(b"0189kMGTx=-:+ \xff".to_vec()), 0..24)) {
            for resource in [Resource::AS, Resource::NOFILE] {
                let plain = limit(&text, resource);
                if let Ok(both) = pair(&text, resource) {
                    proptest::prop_assert!(both.0.is_some() || both.1.is_some());
                    proptest::prop_assert_eq!(text.contains(&b':'), plain.is_none());
                }
            }
        }
    }
}
