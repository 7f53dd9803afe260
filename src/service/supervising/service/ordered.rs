//! What the process that runs has been told, which the next start forgets.

/// What it has been told, and when it is killed if it does not obey.
#[derive(Default)]
pub struct Ordered {
    /// Whether it has been stopped by SIGSTOP.
    is_paused: bool,
    /// Whether it has been told to end, and not to be started anew.
    is_stopping: bool,
    /// When it is killed.
    kill_at: Option<u64>,
}

impl Ordered {
    /// By a supervise that is no more.
    pub fn before(is_paused: bool, is_stopping: bool) -> Self {
        Self { is_paused, is_stopping, kill_at: None }
    }

    /// To stop or to go on.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// To end.
    pub fn end(&mut self) {
        self.is_stopping = true;
        self.is_paused = false;
    }

    /// To end so that it is started anew.
    pub fn bounce(&mut self) {
        self.is_paused = false;
    }

    /// It is wanted again.
    pub fn take_back_end(&mut self) {
        self.is_stopping = false;
        self.kill_at = None;
    }

    /// Whether it has been stopped by SIGSTOP.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether it has been told to end.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Whether there is a time at which it is killed.
    pub fn is_limited(&self) -> bool {
        self.kill_at.is_some()
    }

    /// Until then it may end by itself; without a time, for ever.
    pub fn limit(&mut self, kill_at: Option<u64>) {
        self.kill_at = kill_at;
    }

    /// When its time is over.
    pub fn kill_at(&self) -> Option<u64> {
        self.kill_at
    }

    /// Whether its time is over, once.
    pub fn is_late(&mut self, now: u64) -> bool {
        self.kill_at.take_if(|at| now >= *at).is_some()
    }
}
