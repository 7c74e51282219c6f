//! Where the CRM is.

use std::{fs, path::Path, sync::Arc, time::Duration};

use cannula::{
    PatientSearchConfig,
    a360::{A360, A360Config, SqlitePatients},
    aesthetix::{Aesthetix, AesthetixConfig},
    core::{Error, ErrorKind, Result},
    http::SystemClock,
};
use cannula_examples::aesthetix_at;
use cannula_sandbox::{Access, NewContact, Sandbox, SandboxConfig, practice::PracticeConfig};

use crate::Args;

/// The application over a CRM.
pub(crate) struct Crm {
    pub(crate) app: A360,
    /// Serves until it is dropped.
    sandbox: Option<Sandbox>,
}

impl Crm {
    pub(crate) async fn open(args: &Args) -> Result<Self> {
        if let Some(file) = &args.live {
            let PatientSearchConfig { store, aesthetix, a360 } =
                PatientSearchConfig::from_file(file)?;
            return Ok(Self { app: app(aesthetix, &store, a360)?, sandbox: None });
        }
        let (access, sandbox) = match &args.access {
            Some(file) => (read(file)?, None),
            None => {
                let sandbox = made_up().await?;
                (sandbox.access().clone(), Some(sandbox))
            }
        };
        let app = app(aesthetix_at(&access)?, &args.db, A360Config::default())?;
        Ok(Self { app, sandbox })
    }

    /// The CRM is made up anew by each command.
    pub(crate) const fn forgets(&self) -> bool {
        self.sandbox.is_some()
    }
}

fn app(aesthetix: AesthetixConfig, store: &Path, config: A360Config) -> Result<A360> {
    let clock = Arc::new(SystemClock);
    let crm = Aesthetix::new(aesthetix, Arc::<SystemClock>::clone(&clock))?;
    let store = SqlitePatients::open(store)?;
    Ok(A360::new(Arc::new(crm.directory()), Arc::new(store), config, clock))
}

fn read(file: &Path) -> Result<Access> {
    let cannot = |why: String| {
        let message = format!("cannot read {}: {why}", file.display());
        Error::new(ErrorKind::Config, message)
    };
    let text = fs::read_to_string(file).map_err(|cause| cannot(cause.kind().to_string()))?;
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(line).map_err(|_| cannot("it is not what a sandbox prints".to_owned()))
}

/// A CRM with the same contacts each time. All but one were made a minute ago, so that the index
/// knows them.
async fn made_up() -> Result<Sandbox> {
    let clock = Arc::new(SystemClock);
    let start = cannula::core::Clock::now(&*clock);
    let sandbox = Sandbox::start(SandboxConfig::new(clock, PracticeConfig::empty(start))).await?;
    let [just_made, known @ ..] = people();
    for person in known {
        sandbox.crm_state().add_contact(person);
    }
    sandbox.clock().advance(Duration::from_secs(60));
    sandbox.crm_state().add_contact(just_made);
    Ok(sandbox)
}

fn people() -> [NewContact; 9] {
    let person = |first: &str, last: &str, born: &str, number: u32| NewContact {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: Some(format!("p{number}@example.test")),
        phone: Some(format!("+1918555{number:04}")),
        birth_date: born.parse().ok(),
        ..NewContact::default()
    };
    let field = |date: &str| [("NXT Birthday".to_owned(), date.into())].into();
    [
        person("Nova", "Marar", "2001-09-08", 109),
        person("Mara", "Okafor", "1990-02-03", 101),
        person("Tamara", "Lind", "1979-08-21", 102),
        person("Maeve", "O'Neil", "1984-05-17", 103),
        person("Otto", "McNeil", "1962-12-01", 104),
        person("Ana", "Smith-Jones", "1995-11-30", 105),
        person("Inés", "Núñez", "1988-07-09", 106),
        // Nextech's sync fills its own field first.
        NewContact { fields: field("1973-04-12"), ..person("Marah", "Quist", "1900-01-01", 107) },
        person("Omar", "Reyes", "", 108),
    ]
}
