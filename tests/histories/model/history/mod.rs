//! A random history: the same events for the real gates and the model.

mod at_heroku;

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;

use crate::model::heard::Heard;
use crate::model::reference::{
    Check, FORM_LIVES, Form, MAX_LIST_AGE, Model, Person, Proof, REFRESH, RESOURCES, Resource,
    Time, has_team,
};
use crate::model::world::{EMAILS, OWNER, SetUp, Stream, World, email};

/// Heroku's access tokens expire after 8 hours.
const TOKENS_LIVE: Time = 8 * 3_600;

/// The number of events shown of a failed history.
const TAIL: usize = 40;

/// Counts by kind of request and status.
pub type Answers = BTreeMap<(&'static str, u16), usize>;

struct History {
    rng: Rng,
    model: Model,
    world: World,
    /// The cookies of the model's sessions.
    cookies: Vec<String>,
    /// The open stream of a session at a process.
    stream: Option<(usize, usize, Stream)>,
    forms: Vec<Form>,
    /// The current account of each email, by number.
    accounts: [usize; EMAILS.len()],
    events: Vec<(Resource, Option<Person>)>,
    tail: VecDeque<String>,
    /// The counts of the answers.
    answers: Answers,
}

impl History {
    async fn begin(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let set_up = SetUp {
            session_cache: if rng.bool() { 5 } else { 0 },
            page_size: if rng.bool() { 2 } else { 200 },
            in_a_file: rng.u8(..8) == 0,
            own_sessions: seed.is_multiple_of(2),
        };
        let mut model = Model::new(set_up.session_cache);
        for resource in (0..RESOURCES).filter(|resource| !has_team(*resource)) {
            model.heroku.collaborators[resource].insert(OWNER, (OWNER, false));
        }
        let mut history = Self {
            rng,
            model,
            accounts: std::array::from_fn(|person| person),
            cookies: Vec::new(),
            stream: None,
            forms: Vec::new(),
            events: Vec::new(),
            tail: VecDeque::new(),
            answers: Answers::default(),
            world: World::start(set_up).await,
        };
        for _ in 0..24 {
            history.change_a_list();
        }
        history
    }

    /// The latest events, newest last.
    fn tail(&self) -> String {
        Vec::from_iter(self.tail.iter().map(String::as_str)).join("\n")
    }

    async fn step(&mut self) -> Check {
        self.happen().await?;
        self.look_at_the_stream().await
    }

    async fn happen(&mut self) -> Check {
        self.next_turn();
        let at = self.rng.usize(..2);
        match self.rng.u32(..100) {
            0..34 => match self.session() {
                Some(id) => self.visit(at, id).await,
                None => Ok(()),
            },
            34..38 => self.stay(at).await,
            38..41 => self.open_a_stream(at).await,
            41..51 => self.sign_in(at).await,
            51..58 => self.sign_in_again(at).await,
            58..60 => self.sign_in_at_both().await,
            60..70 => self.pass().await,
            70..78 => {
                self.change_a_list();
                Ok(())
            }
            78..84 => self.refresh(at).await,
            84..88 => {
                self.change_the_weather();
                Ok(())
            }
            88..93 => self.webhook(at).await,
            93..96 => self.sign_out(at).await,
            96..98 => self.revoke(at).await,
            98 => self.restart(at).await,
            _ => self.end_a_resource(at).await,
        }
    }

    fn next_turn(&mut self) {
        self.model.turn += 1;
        self.world.heroku.calls().clear();
    }

    async fn visit(&mut self, at: usize, id: usize) -> Check {
        let admin = self.rng.u8(..5) == 0;
        let path = if admin { "/admin" } else { "/page" };
        let (status, body) = self.world.visit(at, &self.cookies[id], path).await;
        self.tell(format!("{at}: session {id} asks for {path}: {status}"));
        let heard = self.heard();
        self.model.visit(at, id, admin, &heard, status)?;
        let session = &self.model.sessions[id];
        let who = (
            self.world.resource(session.resource),
            EMAILS[session.person],
        );
        *self.answers.entry(("visit", status)).or_default() += 1;
        if status == 200 && body != format!("{} {}", who.0, who.1) {
            return Err(format!("the handler got the user {body}, not {who:?}"));
        }
        Ok(())
    }

    /// Opens a stream.
    async fn open_a_stream(&mut self, at: usize) -> Check {
        if self.world.is_in_a_file() || self.stream.is_some() {
            // The work of a stream does not run on this thread only, and with two streams the caller of a
            // fetch would be unclear.
            return Ok(());
        }
        let Some(id) = self.session() else {
            return Ok(());
        };
        let (status, stream) = self.world.open_stream(at, &self.cookies[id]).await;
        self.tell(format!("{at}: session {id} opens a stream: {status}"));
        let heard = self.heard();
        self.model.visit(at, id, false, &heard, status)?;
        self.stream = stream.map(|stream| (at, id, stream));
        *self.answers.entry(("stream", status)).or_default() += 1;
        self.world.heroku.calls().clear();
        Ok(())
    }

    /// Checks the stream after an event whose calls to Heroku are known.
    async fn look_at_the_stream(&mut self) -> Check {
        self.world.heroku.calls().clear();
        let Some((at, id, stream)) = &self.stream else {
            return Ok(());
        };
        let (at, id) = (*at, *id);
        self.world.settle().await;
        let is_open = stream.is_open();
        let heard = self.heard();
        if !is_open {
            self.tell(format!("{at}: the stream of session {id} ends: {heard:?}"));
            self.stream = None;
            *self.answers.entry(("stream", 0)).or_default() += 1;
        }
        self.model.stream(at, id, &heard, is_open)
    }

    /// Sends requests around the times at which a session's state changes, at either process.
    async fn stay(&mut self, at: usize) -> Check {
        let living = self.model.living();
        let (Some(id), before) = (self.rng.choice(living), self.rng.u64(..5)) else {
            return Ok(());
        };
        let later = |point: &Time| *point >= self.model.now;
        let points = self.model.turning_points(at, id);
        let Some(point) = self
            .rng
            .choice(Vec::from_iter(points.into_iter().filter(later)))
        else {
            return Ok(());
        };
        let seconds = point.saturating_sub(before).saturating_sub(self.model.now);
        self.wait(seconds).await?;
        for _ in 0..5 {
            self.next_turn();
            let at = self.rng.usize(..2);
            self.visit(at, id).await?;
            let seconds = self.rng.u64(..3);
            self.wait(seconds).await?;
        }
        Ok(())
    }

    async fn sign_in(&mut self, at: usize) -> Check {
        let form = self.form();
        self.submit(at, form).await
    }

    /// Submits a form that was used, rejected, or is too old by now.
    async fn sign_in_again(&mut self, at: usize) -> Check {
        let newest = self.forms.len().saturating_sub(10);
        match self.forms.len() {
            0 => Ok(()),
            count => {
                let form = self.forms[self.rng.usize(newest..count)].clone();
                self.submit(at, form).await
            }
        }
    }

    async fn submit(&mut self, at: usize, form: Form) -> Check {
        let previous = self.session().filter(|_| self.rng.u8(..4) == 0);
        let cookie = previous.map(|id| &*self.cookies[id]);
        let (status, cookie) = self.world.sign_in(at, &form, cookie).await;
        self.tell(format!(
            "{at}: {form:?} instead of session {previous:?}: {status}"
        ));
        let heard = self.heard();
        self.forms.push(form.clone());
        *self.answers.entry(("sign-in", status)).or_default() += 1;
        self.model.sign_in(at, &form, previous, &heard, status)?;
        self.cookies.extend(cookie);
        Ok(())
    }

    /// Submits one form to both processes concurrently.
    async fn sign_in_at_both(&mut self) -> Check {
        let mut form = self.form();
        form.proof = if self.rng.bool() {
            Proof::Scoped
        } else {
            Proof::Plain
        };
        form.account.get_or_insert(self.accounts[form.person]);
        if !(0..2).all(|at| self.model.would_be_let_in(at, &form)) {
            return Ok(());
        }
        let was_used = self.model.is_used(&form);
        let (one, other) = tokio::join!(
            self.world.sign_in(0, &form, None),
            self.world.sign_in(1, &form, None)
        );
        self.tell(format!("both: {form:?}: {} and {}", one.0, other.0));
        let heard = self.heard();
        let opened = [&one, &other]
            .into_iter()
            .filter(|answer| answer.0 == 303)
            .count();
        if opened != usize::from(!was_used) {
            return Err(format!("one form opened {opened} sessions"));
        }
        let (first, second) = if one.0 == 303 { (0, 1) } else { (1, 0) };
        let mut answers = [one, other];
        for at in [first, second] {
            self.model.sign_in(at, &form, None, &heard, answers[at].0)?;
            self.cookies.extend(answers[at].1.take());
        }
        Ok(())
    }

    fn form(&mut self) -> Form {
        let rng = &mut self.rng;
        let person = rng.usize(..EMAILS.len());
        let account = match rng.u8(..12) {
            0 => rng.usize(..self.world.accounts.len()),
            _ => self.accounts[person],
        };
        let late = match rng.u8(..10) {
            0 => rng.u64(FORM_LIVES - 1..FORM_LIVES + 10),
            1..5 => rng.u64(..FORM_LIVES),
            _ => 0,
        };
        let ahead = if rng.u8(..10) == 0 {
            rng.u64(50..70)
        } else {
            0
        };
        let proof = match rng.u8(..16) {
            0..3 => Proof::Plain,
            3 => Proof::OwnLogin,
            4 => Proof::Wrong(rng.u8(..5)),
            _ => Proof::Scoped,
        };
        let without_account = match proof {
            Proof::Plain => rng.bool(),
            Proof::OwnLogin => true,
            Proof::Scoped | Proof::Wrong(_) => false,
        };
        let is_unknown = proof != Proof::OwnLogin && rng.u8(..30) == 0;
        Form {
            resource: (!is_unknown).then(|| rng.usize(..RESOURCES)),
            person,
            account: (!without_account).then_some(account),
            signed_at: self.model.now + ahead - late,
            proof,
        }
    }

    async fn pass(&mut self) -> Check {
        let seconds = match self.rng.u8(..100) {
            0..60 => self.rng.u64(1..20),
            60..90 => self.rng.u64(20..REFRESH / 2),
            90..95 => REFRESH + self.rng.u64(..10),
            95..98 => MAX_LIST_AGE + self.rng.u64(..10),
            98 => TOKENS_LIVE,
            _ => 3 * MAX_LIST_AGE,
        };
        self.wait(seconds).await
    }

    async fn wait(&mut self, seconds: Time) -> Check {
        if seconds == 0 {
            return Ok(());
        }
        self.world.heroku.calls().clear();
        self.world.advance(seconds);
        self.model.now += seconds;
        self.tell(format!("{seconds} s pass: {}", self.model.now));
        // An open stream fetches without a request.
        if let Some((at, id, stream)) = &self.stream {
            let (at, id) = (*at, *id);
            self.world.settle().await;
            let is_open = stream.is_open();
            let heard = self.heard();
            self.tell(format!(
                "{at}: stream of session {id}: {is_open}, {heard:?}"
            ));
            if !is_open {
                self.stream = None;
            }
            self.model.stream(at, id, &heard, is_open)?;
        }
        self.next_turn();
        Ok(())
    }

    async fn refresh(&mut self, at: usize) -> Check {
        let resource = self.rng.usize(..RESOURCES);
        let list = self.world.refresh(at, resource).await;
        let heard = self.heard();
        self.tell(format!(
            "{at}: refreshes {resource}: {}, {heard:?}",
            list.is_some()
        ));
        let status = if list.is_some() { 200 } else { 503 };
        *self.answers.entry(("refresh", status)).or_default() += 1;
        self.model.refresh(at, resource, &heard, list.is_some())?;
        let Some(list) = list.filter(|_| heard.calls > 0) else {
            return Ok(());
        };
        let is_on = |person: &Person| self.model.heroku.is_on_list(resource, *person);
        let truth = Vec::from_iter((0..EMAILS.len()).filter(is_on).map(email));
        match list == truth {
            true => Ok(()),
            false => Err(format!("the list has {list:?}, and Heroku {truth:?}")),
        }
    }

    async fn sign_out(&mut self, at: usize) -> Check {
        let Some(id) = self.session() else {
            return Ok(());
        };
        let status = self.world.sign_out(at, &self.cookies[id]).await;
        self.tell(format!("{at}: session {id} is signed out: {status}"));
        self.model.close(at, id);
        match status {
            204 => self.heard().nothing(),
            status => Err(format!("a sign-out was answered {status}")),
        }
    }

    async fn revoke(&mut self, at: usize) -> Check {
        let person = self.rng.usize(..EMAILS.len());
        let resource = self.rng.usize(..RESOURCES);
        let done = self.world.revoke(at, resource, person).await;
        self.tell(format!("{at}: revokes {person} at {resource}: {done}"));
        self.model.revoke(at, resource, person, done)?;
        self.heard().nothing()
    }

    async fn restart(&mut self, at: usize) -> Check {
        // Its streams end with the process.
        self.stream.take_if(|(of, ..)| *of == at);
        self.world.restart(at).await;
        self.model.restart(at);
        self.tell(format!("{at}: restarts"));
        self.heard().nothing()
    }

    /// Any past or open session, preferring open ones.
    fn session(&mut self) -> Option<usize> {
        let living = self.model.living();
        match living.len() {
            0 => self.rng.choice(0..self.cookies.len()),
            _ if self.rng.u8(..3) == 0 => self.rng.choice(0..self.cookies.len()),
            _ => self.rng.choice(living),
        }
    }

    fn heard(&self) -> Heard {
        Heard::from_log(&self.world.heroku, &self.model.heroku)
    }

    fn tell(&mut self, event: String) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(event);
    }
}

/// The maximum length of a history.
pub const LENGTH: usize = 500;

/// Runs this many steps of a seed's history and returns the counts of the answers.
///
/// # Errors
/// The failure, with the command that reproduces it.
pub async fn run(seed: u64, steps: usize) -> Result<Answers, String> {
    let mut history = History::begin(seed).await;
    for step in 1..=steps.min(LENGTH) {
        history.step().await.map_err(|wrong| {
            format!(
                "{wrong}\n\nMODEL_SEED={seed} MODEL_STEPS={step} cargo test --all-features --test histories model::\n\n\
                 The last events (\"0:\" and \"1:\" are the two processes):\n{}\n",
                history.tail()
            )
        })?;
    }
    Ok(history.answers)
}
