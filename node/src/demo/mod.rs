//! `quorate demo`: a whole network on this machine, decisions on it, and their certificates.
//!
//! The members are set up by the code of `init`, `network` and `join`, their nodes are processes
//! of this same program, everything else goes through their control interfaces, and the
//! certificates are checked by the code of `verify`. What the demo alone knows is the inputs of
//! all organisations; it uses that to check the outcome against the rule in the clear.

mod cluster;
mod latency;
mod plan;
mod play;
mod story;

use crate::cli::Context;
use crate::cli::ending::Endings;
use crate::cli::exit::{Exit, Failure};
use crate::store::Durability;
use cluster::Cluster;
use plan::Plan;
use story::Story;

/// See it work: a whole network on this machine, one decision, its certificate
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// How many organisations [default: as many as inputs, or 4]
    #[arg(long, value_name = "N")]
    orgs: Option<usize>,

    /// What each organisation enters, with commas between; for a demo only, since a real vote
    /// is never given on a command line
    #[arg(long, value_name = "A,B,..", allow_hyphen_values = true)]
    inputs: Option<String>,

    /// The rule: 'mean(x) > 75', 'count(x) >= 3', also >=, <, <=
    #[arg(long, default_value = "mean(confidence) > 75")]
    rule: String,

    /// Kill so many nodes once all others hold every vote (of the last decision)
    #[arg(long, value_name = "K", default_value_t = 0, hide_default_value = true)]
    kill: usize,

    /// So many organisations never start
    #[arg(long, value_name = "K", default_value_t = 0, hide_default_value = true)]
    absent: usize,

    /// Decide so often in a row, and measure
    #[arg(long, value_name = "D", default_value_t = 1, hide_default_value = true)]
    decisions: usize,

    /// What the nodes' memories outlive: see `quorate run`
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,
}

/// `quorate demo`
pub fn demo(context: &Context, arguments: Arguments) -> Result<Exit, Failure> {
    let plan = Plan::new(&arguments)?;
    let story = Story::new(context.terminal);
    context.block_on(async {
        let mut ended = Endings::new()?;
        let mut cluster = None;
        let result = tokio::select! {
            result = play::play(&plan, &story, &mut cluster) => result,
            () = ended.any() => Err(Failure::new(Exit::Interrupted, "interrupted")),
        };
        let result = result.map_err(|failure| match cluster.as_mut().map(Cluster::fallen) {
            Some(Some(fallen)) if failure.exit != Exit::Interrupted => fallen,
            _ => failure,
        });
        if let Some(cluster) = cluster {
            story.working("stopping the nodes");
            cluster.end().await;
        }
        story.end(&plan, &result?);
        Ok(Exit::Ok)
    })
}
