//! How long the world outside takes to answer flows.

use std::time::Duration;

use metrics::histogram;

use crate::flow::{Answer, Reply};
use crate::metric::table;
use crate::model::FlowName;

/// A request of a flow came to its end after so long.
pub fn asked(flow: &FlowName, reply: &Reply, took: Duration) {
    let result = match reply {
        // What is asked of the base is no request.
        Ok(Answer::Customer(_)) => return,
        Ok(Answer::Http(answer)) if (200..300).contains(&answer.status) => "ok",
        Ok(Answer::Http(_)) => "status",
        // It is no request: see `clerk`, which does not tell of it.
        Ok(Answer::Speech(_)) => return,
        Err(why) => why.as_str(),
    };
    let labels = [("flow", flow.to_string()), ("result", result.to_owned())];
    histogram!(table::FLOW_HTTP.name, &labels).record(took.as_secs_f64());
}
