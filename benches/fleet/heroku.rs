//! A simulated Heroku in its own process, so that its memory and CPU time are not measured.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heroku_addon_simulator::{Endpoint, Fault, Simulator};
use support::ids::AddOnExt as _;
use tower_heroku_sso::sso::token;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, HerokuSsoBuilder, Manifest, OauthGrant, ResourceId,
    SsoPolicy, SsoSalt,
};

use crate::Result;

/// The layout of the simulated world.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub apps: usize,
    /// If none, each app belongs to a person.
    pub teams: usize,
    /// Members of each team; without teams, people on each app.
    pub people: usize,
    pub latency: Duration,
}

/// One provisioned add-on.
#[derive(Clone, Debug)]
pub struct Resource {
    pub id: ResourceId,
    pub app: String,
    pub team: Option<String>,
    code: String,
}

/// A running Heroku, which ends with this handle.
pub struct Heroku {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub url: String,
    slug: String,
    password: String,
    salt: String,
    client_secret: String,
    pub resources: Vec<Resource>,
}

/// The child process: creates the world, prints it, and serves until the parent ends.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let number = |index: usize| -> Result<usize> { Ok(arguments[index].parse()?) };
    let (apps, teams, people) = (number(0)?, number(1)?, number(2)?);
    let latency = Duration::from_micros(number(3)? as u64);
    // A practically unlimited pool, as rate limiting is not measured here.
    let heroku = Simulator::builder()
        .latency(latency)
        .rate_pool(u32::MAX, u32::MAX / 60)
        .start()
        .await?;
    let teams: Vec<_> = (0..teams)
        .map(|team| {
            let team = heroku.team(&format!("team-{team}"));
            for person in 0..people {
                team.member(
                    &format!("{}-person-{person:03}@example.com", team.name()),
                    "member",
                );
            }
            team
        })
        .collect();
    let mut out = std::io::BufWriter::new(std::io::stdout());
    writeln!(
        out,
        "{}\n{}\n{}",
        heroku.url(),
        heroku.slug(),
        heroku.password()
    )?;
    writeln!(out, "{}\n{}", heroku.sso_salt(), heroku.client_secret())?;
    for number in 0..apps {
        let mut app = heroku.app(&format!("app-{number}"));
        let team = teams.get(number % teams.len().max(1));
        match team {
            Some(team) => app = app.owned_by_team(team),
            // The owner is one of them.
            None => {
                app = app.owner(&format!("owner-{number:06}@example.com"));
                for person in 1..people {
                    app = app.collaborator(&format!("app-{number:06}-{person:02}@example.com"));
                }
            }
        }
        let addon = app.addon();
        let team = team.map_or("-".to_owned(), |team| team.id().to_string());
        let (id, code) = (addon.resource_id(), addon.grant_code());
        writeln!(out, "{id} {} {team} {code}", app.id())?;
    }
    writeln!(out, "ready")?;
    out.flush()?;
    drop(out);
    // Each input line requests the number of calls, except one; the end of the input ends the process.
    let answer = move || -> std::io::Result<()> {
        for line in std::io::stdin().lines() {
            if line? == "hang" {
                heroku.faults().set(Endpoint::Any, Fault::Hang);
                continue;
            }
            let calls = heroku.calls().count(Endpoint::Any) - heroku.calls().count(Endpoint::Token);
            println!("{calls}");
        }
        Ok(())
    };
    tokio::task::spawn_blocking(answer).await??;
    Ok(())
}

impl Heroku {
    pub fn start(world: World) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("heroku")
            .arg(world.apps.to_string())
            .arg(world.teams.to_string())
            .arg(world.people.to_string())
            .arg(world.latency.as_micros().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no output of the simulator")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut next = || -> Result<String> { Ok(lines.next().ok_or("the simulator ended")??) };
        let (url, slug, password) = (next()?, next()?, next()?);
        let (salt, client_secret) = (next()?, next()?);
        let mut resources = Vec::new();
        loop {
            let line = next()?;
            if line == "ready" {
                break;
            }
            let parts: Vec<_> = line.split(' ').collect();
            let [id, app, team, code] = parts[..] else {
                return Err("a line of the simulator cannot be read".into());
            };
            resources.push(Resource {
                id: id.parse()?,
                app: app.to_owned(),
                team: (team != "-").then(|| team.to_owned()),
                code: code.to_owned(),
            });
        }
        Ok(Self {
            child,
            lines,
            url,
            slug,
            password,
            salt,
            client_secret,
            resources,
        })
    }

    pub fn builder(&self) -> Result<HerokuSsoBuilder> {
        let manifest = Manifest::new(
            &self.slug,
            AddonPassword::new(&self.password)?,
            SsoSalt::new(&self.salt)?,
            ClientSecret::new(&self.client_secret)?,
        );
        Ok(HerokuSso::builder(manifest)
            // The measured forms name no account.
            .sso_policy(SsoPolicy::AllowUnsignedEmail)
            .api_url(self.url.parse()?)
            .id_url(self.url.parse()?))
    }

    /// The calls to its Platform API so far.
    pub fn calls(&mut self) -> Result<usize> {
        let input = self
            .child
            .stdin
            .as_mut()
            .ok_or("no input of the simulator")?;
        input.write_all(b"calls\n")?;
        Ok(self.lines.next().ok_or("the simulator ended")??.parse()?)
    }

    /// Makes it stop answering, with open connections.
    pub fn hang(&mut self) -> Result<()> {
        let input = self.child.stdin.as_mut();
        input
            .ok_or("no input of the simulator")?
            .write_all(b"hang\n")?;
        Ok(())
    }

    /// Ends it, with all its connections.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The body of a current form of the first app's owner.
    pub fn owner_s_form(&self) -> String {
        let resource = self.resources[0].id.to_string();
        let email = "owner-000000@example.com";
        let at = SystemTime::now().duration_since(UNIX_EPOCH);
        let at = at.unwrap_or_default().as_secs().to_string();
        let token = token::hex(&token::resource(&resource, &self.salt, &at));
        format!("resource_id={resource}&timestamp={at}&email={email}&resource_token={token}")
    }

    /// Exchanges all grants, many concurrently.
    pub async fn register_all(&self, sso: &HerokuSso) -> Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        for resource in &self.resources {
            if tasks.len() >= 32 {
                tasks.join_next().await.ok_or("no task")???;
            }
            let (sso, id) = (sso.clone(), resource.id);
            let grant = OauthGrant::Code(resource.code.clone().into());
            tasks
                .spawn(async move { sso.resources().register(&id, grant).await.map_err(Box::new) });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }
}

impl Drop for Heroku {
    fn drop(&mut self) {
        // It exits when its input is closed; this is for a hanging process.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
