//! Answers to the collector's commands.

use scouter_wire::codec::{
    CallsiteEntry, Command, CommandKind, Encoding, put_active, put_callsites, put_environment,
    put_heap, put_options, put_profile, put_threads,
};

use crate::source::Source;

/// Most transactions listed in an answer unless the command asks for fewer.
pub const MAX_ACTIVE_LISTED: usize = 10_000;

/// An answer before it is cut into chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) is_error: bool,
    pub(crate) encoding: Encoding,
    pub(crate) payload: Vec<u8>,
}

impl Answered {
    fn records(write: impl FnOnce(&mut Vec<u8>)) -> Result<Self, String> {
        let mut payload = Vec::new();
        write(&mut payload);
        Ok(Self { is_error: false, encoding: Encoding::Records, payload })
    }

    pub(crate) fn refusal(sentence: impl Into<String>) -> Self {
        Self { is_error: true, encoding: Encoding::Text, payload: sentence.into().into_bytes() }
    }
}

/// Does what a command asks. Never fails: what cannot be done is answered with a sentence.
pub(crate) fn answer(command: &Command<'_>, source: &mut dyn Source) -> Answered {
    try_answer(command, source).unwrap_or_else(Answered::refusal)
}

fn try_answer(command: &Command<'_>, source: &mut dyn Source) -> Result<Answered, String> {
    let Some(kind) = CommandKind::from_wire(command.kind_number) else {
        return Err(format!(
            "this agent does not know command {}; update the agent",
            command.kind_number
        ));
    };
    match kind {
        CommandKind::Ping => Ok(Answered {
            is_error: false,
            encoding: command.encoding,
            payload: command.payload.to_vec(),
        }),
        CommandKind::Active => {
            let limit = match text(command)? {
                "" => MAX_ACTIVE_LISTED,
                number => number
                    .parse::<usize>()
                    .map_err(|_| format!("{number:?} is not a number of transactions"))?
                    .min(MAX_ACTIVE_LISTED),
            };
            let mut listed = Vec::new();
            let total = source.active(limit, &mut listed);
            Answered::records(|out| put_active(out, total, &listed))
        }
        CommandKind::Options => {
            let options = source.options();
            Answered::records(|out| put_options(out, &options))
        }
        CommandKind::OptionValue => option(text(command)?, source),
        CommandKind::SetOption => {
            let text = text(command)?;
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| format!("{text:?} is not of the form name=value"))?;
            source.set_option(name.trim(), value.trim())?;
            option(name.trim(), source)
        }
        CommandKind::Callsites => {
            let callsites = source.callsites();
            Answered::records(|out| put_callsites(out, &callsites))
        }
        CommandKind::SetCallsites => {
            let changed = set_callsites(text(command)?, source)?;
            Answered::records(|out| put_callsites(out, &changed))
        }
        CommandKind::Threads => {
            let dump = source.tools().threads()?;
            Answered::records(|out| put_threads(out, &dump))
        }
        CommandKind::Sfa => {
            let profile = source.tools().sfa(text(command)?)?;
            Answered::records(|out| put_profile(out, &profile))
        }
        CommandKind::Environment => {
            let entries = source.tools().environment();
            Answered::records(|out| put_environment(out, &entries))
        }
        CommandKind::Capture => Ok(Answered {
            is_error: false,
            encoding: Encoding::Text,
            payload: source.tools().capture(text(command)?)?.into_bytes(),
        }),
        CommandKind::Heap => {
            let profile = source.tools().heap();
            Answered::records(|out| put_heap(out, &profile))
        }
        _ => Err(format!("this agent cannot answer {kind:?}")),
    }
}

/// Sets flags of callsites, one `id=flags` a line.
fn set_callsites(lines: &str, source: &mut dyn Source) -> Result<Vec<CallsiteEntry>, String> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let parsed = line.split_once('=').and_then(|(id, flags)| {
                Some((id.trim().parse().ok()?, flags.trim().parse().ok()?))
            });
            let (id, flags) =
                parsed.ok_or_else(|| format!("{line:?} is not of the form id=flags in decimal"))?;
            source.set_callsite(id, flags)
        })
        .collect()
}

fn text<'a>(command: &Command<'a>) -> Result<&'a str, String> {
    if command.encoding != Encoding::Text {
        return Err(format!(
            "the payload of the command is to be read as {:?}, but this agent takes text",
            command.encoding
        ));
    }
    std::str::from_utf8(command.payload)
        .map(str::trim)
        .map_err(|_| "the payload of the command is not UTF-8".to_owned())
}

fn option(name: &str, source: &mut dyn Source) -> Result<Answered, String> {
    let found: Vec<_> = source.options().into_iter().filter(|option| option.name == name).collect();
    if found.is_empty() {
        return Err(format!("there is no option {name:?}; ask for the list of options"));
    }
    Answered::records(|out| put_options(out, &found))
}

#[cfg(test)]
mod tests {
    use scouter_wire::codec::{read_active, read_callsites, read_options};

    use super::*;
    use crate::testing::Synthetic;

    fn ask(kind: CommandKind, payload: &str) -> Answered {
        let command = Command {
            id: 1,
            kind_number: kind as u16,
            deadline_ms: 1_000,
            encoding: Encoding::Text,
            payload: payload.as_bytes(),
        };
        answer(&command, &mut Synthetic::new())
    }

    fn sentence(answer: &Answered) -> &str {
        assert!(answer.is_error);
        std::str::from_utf8(&answer.payload).unwrap()
    }

    #[test]
    fn ping_answers_its_own_payload() {
        assert_eq!(ask(CommandKind::Ping, "hello").payload, b"hello");
    }

    #[test]
    fn active_services_are_listed_up_to_the_limit_and_all_are_counted() {
        let (total, listed) = read_active(&ask(CommandKind::Active, "").payload).unwrap();
        assert_eq!((total, listed.len()), (2, 2));
        let (total, listed) = read_active(&ask(CommandKind::Active, "1").payload).unwrap();
        assert_eq!((total, listed.len()), (2, 1));
        assert!(sentence(&ask(CommandKind::Active, "many")).contains("\"many\""));
    }

    #[test]
    fn options_are_listed_read_and_set_with_a_sentence_for_each_mistake() {
        assert_eq!(read_options(&ask(CommandKind::Options, "").payload).unwrap().len(), 1);
        let set = ask(CommandKind::SetOption, "profile_step_max_count = 7");
        assert_eq!(read_options(&set.payload).unwrap()[0].value, "7");
        for (kind, payload, part) in [
            (CommandKind::OptionValue, "nothing", "no option \"nothing\""),
            (CommandKind::SetOption, "profile_step_max_count", "name=value"),
            (CommandKind::SetOption, "profile_step_max_count=x", "not a number"),
        ] {
            let answer = ask(kind, payload);
            assert!(sentence(&answer).contains(part), "{}", sentence(&answer));
        }
    }

    #[test]
    fn callsites_are_listed_and_switched() {
        assert_eq!(read_callsites(&ask(CommandKind::Callsites, "").payload).unwrap().len(), 1);
        let set = read_callsites(&ask(CommandKind::SetCallsites, "3=0\n").payload).unwrap();
        assert_eq!((set[0].id, set[0].flags), (3, 0));
        assert!(sentence(&ask(CommandKind::SetCallsites, "3")).contains("id=flags"));
        assert!(sentence(&ask(CommandKind::SetCallsites, "4=1")).contains("callsite 4"));
    }

    #[test]
    fn a_payload_in_another_encoding_is_refused_rather_than_taken_for_text() {
        for encoding in [Encoding::Other, Encoding::Records] {
            let command = Command {
                id: 1,
                kind_number: CommandKind::SetOption as u16,
                deadline_ms: 1_000,
                encoding,
                payload: b"profile_step_max_count=7",
            };
            let mut source = Synthetic::new();
            let answer = answer(&command, &mut source);
            assert!(sentence(&answer).contains("takes text"), "{}", sentence(&answer));
            assert_eq!(source.options()[0].value, Synthetic::new().options()[0].value);
        }
    }

    #[test]
    fn an_unknown_command_is_refused_with_its_number() {
        let command = Command {
            id: 1,
            kind_number: 999,
            deadline_ms: 0,
            encoding: Encoding::Text,
            payload: b"",
        };
        let answer = answer(&command, &mut Synthetic::new());
        assert!(sentence(&answer).contains("999"));
    }
}
