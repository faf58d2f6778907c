//! A session store whose calls are counted, and can be made to fail.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tower_heroku_sso::MemorySessions;
use tower_heroku_sso::tower_sessions::session::{Id, Record};
use tower_heroku_sso::tower_sessions::{SessionStore, session_store};

/// How each call behaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Trouble {
    #[default]
    None,
    Fails,
    Hangs,
    Panics,
}

/// Sessions in memory. Clones share everything; [`another`](Self::another) shares the trouble.
#[derive(Clone, Debug, Default)]
pub struct FaultySessions {
    inner: MemorySessions,
    calls: Arc<AtomicUsize>,
    trouble: Arc<Mutex<Trouble>>,
}

impl FaultySessions {
    /// A separate store, which is in trouble at the same time.
    pub fn another(&self) -> Self {
        Self {
            trouble: Arc::clone(&self.trouble),
            ..Self::default()
        }
    }

    pub fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// The calls since the last time this was read.
    pub fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    async fn reached(&self) -> session_store::Result<&MemorySessions> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::None => Ok(&self.inner),
            Trouble::Fails => Err(session_store::Error::Backend("unavailable".into())),
            Trouble::Hangs => pending().await,
            Trouble::Panics => panic!("the session store panics"),
        }
    }
}

#[async_trait]
impl SessionStore for FaultySessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.reached().await?.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.reached().await?.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.reached().await?.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.reached().await?.delete(id).await
    }
}
