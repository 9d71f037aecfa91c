//! Taking a number out of what was told.
//!
//! What a flow told by `notify` goes whole, and so do its tags and variables: they may hold
//! a name, or digits that the caller entered, and nobody but the flow's author knows where.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::{Carried, ERASED, Event, Recorded, Telephone};

impl Telephone {
    /// Whether the number stood anywhere in it, where [`ERASED`] stands afterwards.
    pub fn erase(&self, value: &mut Value) -> bool {
        erase(value, &self.ways())
    }
}

fn erase(value: &mut Value, ways: &[String]) -> bool {
    // All of them, not only the first that has it.
    let any = |found: bool, item: &mut Value| erase(item, ways) | found;
    match value {
        Value::String(text) if ways.contains(text) => {
            ERASED.clone_into(text);
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, any),
        Value::Object(fields) => fields.values_mut().fold(false, any),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

impl Event {
    /// Takes out what it says of whose call it was: of an event of a call of this number.
    pub fn erase(&mut self, number: &Telephone) {
        if let Self::CallStarted { from, .. }
        | Self::CallRejected { from, .. }
        | Self::Recording(Recorded { from, .. })
        | Self::CallbackPromised { number: from, .. } = self
            && number.is(from)
        {
            *from = ERASED.into();
        } else if let Self::Transferred { to: Some(to), .. } = self
            && number.is(&to.as_ref().into())
        {
            *to = Arc::from(ERASED);
        } else if let Self::Notified { data, .. } = self {
            *data = Value::Object(Map::new());
        } else if let Self::Carried(Carried { tags, vars, .. }) = self {
            tags.clear();
            vars.clear();
        }
    }

    /// The same for an event as it is kept: its kind and what it says. Whether anything was
    /// taken out.
    pub fn erase_kept(kind: &str, said: &mut Value, number: &Telephone) -> bool {
        let mut found = number.erase(said);
        let whole: &[&str] = match kind {
            "notified" => &["data"],
            // A call's record has them too, under the same names.
            "carried" => &["tags", "vars"],
            _ => return found,
        };
        for name in whole {
            let Some(told) = said.get_mut(*name) else {
                continue;
            };
            let none = if told.is_array() {
                Value::Array(Vec::new())
            } else {
                Value::Object(Map::new())
            };
            found |= *told != none;
            *told = none;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zoe() -> Telephone {
        Telephone::read("+31612345678").unwrap()
    }

    #[test]
    fn a_number_goes_wherever_it_stands_and_however_it_is_written() {
        let mut value = json!({
            "from": "0031612345678", "to": "1000", "list": ["31612345678", "+31612345678"],
            "other": "+31612345679", "count": 31_612_345_678_u64,
        });
        assert!(zoe().erase(&mut value));
        let expected = json!({
            "from": "erased", "to": "1000", "list": ["erased", "erased"],
            "other": "+31612345679", "count": 31_612_345_678_u64,
        });
        assert_eq!(value, expected);
        assert!(!zoe().erase(&mut value));
    }

    #[test]
    fn what_a_flow_told_goes_whole_and_of_such_a_call_only() {
        let told = || json!({"flow": "f", "data": {"name": "Zoë"}});
        let mut said = told();
        assert!(Event::erase_kept("notified", &mut said, &zoe()));
        assert_eq!(said, json!({"flow": "f", "data": {}}));
        assert!(!Event::erase_kept("notified", &mut said, &zoe()), "again");
        let mut said = json!({"tags": ["vip"], "vars": {"name": "Zoë"}});
        assert!(Event::erase_kept("carried", &mut said, &zoe()));
        assert_eq!(said, json!({"tags": [], "vars": {}}));
        let mut said = told();
        assert!(!Event::erase_kept("queued", &mut said, &zoe()));
        assert_eq!(said, told());
    }

    #[test]
    fn a_later_event_of_the_call_does_not_bring_the_number_back() {
        let promised = |number: &str| Event::CallbackPromised {
            call: "c1".into(),
            callback: "c1.1".into(),
            queue: "support".into(),
            number: number.into(),
        };
        let mut event = promised("0031612345678");
        event.erase(&zoe());
        assert_eq!(event, promised("erased"));
        let mut event = promised("31612345679");
        event.erase(&zoe());
        assert_eq!(event, promised("31612345679"));
        let told = |data| Event::Notified {
            call: "c1".into(),
            flow: "f".into(),
            node: "n".into(),
            name: "crm".into(),
            data,
        };
        let mut event = told(json!({"name": "Zoë"}));
        event.erase(&zoe());
        assert_eq!(event, told(json!({})));
    }
}
