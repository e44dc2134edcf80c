//! How long `history` takes over an archive with a million findings: `cargo run --release --features archive --example
//! archive_size`.

use shakedown::archive::Archive;
use shakedown::archive::record::{CampaignRecord, FindingRecord};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (campaigns, findings_each) = (50, 20_000);
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("large.db").display().to_string();
    let mut archive = Archive::open(&place)?;
    let began = Instant::now();
    for number in 0..campaigns {
        // Half of the findings of each campaign are those of the one before it.
        let finding = |at: usize| FindingRecord {
            signature: format!("{:012x}", number * findings_each / 2 + at),
            invariant: "charged-once".to_owned(),
            message: format!("order-{at} is charged twice"),
            script: format!("scenario till\ntill.charge/response @ order-{at}/attempt-1 #1 = lost\n"),
            runs: 1,
        };
        let each = if number == 0 { campaigns * findings_each / 2 } else { findings_each };
        archive.record(&CampaignRecord {
            catalogue: "till".to_owned(),
            command: "explore".to_owned(),
            scenario: "till".to_owned(),
            build: format!("build-{number}"),
            runs: 1_000_000,
            goals: (0..20)
                .map(|goal| (format!("goal-{goal}"), i64::from((number + goal) % 3 == 0)))
                .collect(),
            findings: (0..each)
                .map(|at| if number == 0 { finding(at + 10_000_000) } else { finding(at) })
                .collect(),
            ..CampaignRecord::default()
        })?;
    }
    println!("recorded in {:?}", began.elapsed());
    let mut archive = Archive::open(&place)?;
    let began = Instant::now();
    let history = archive.history("till", &[])?;
    println!("history in {:?}", began.elapsed());
    let one = &history[0];
    println!("{} new, {} gone, {} standing", one.new.count, one.gone.count, one.standing.count);
    let began = Instant::now();
    let known = archive.known_failures("till", "till", &[], 1_000)?;
    println!("{} known failures in {:?}", known.len(), began.elapsed());
    Ok(())
}
