/// The session that is waited for, as it was logged last.
#[derive(Default)]
pub(crate) struct Reported(Option<String>);

impl Reported {
    /// Logs the session that is waited for, once in a row for the same session. What that session
    /// is doing may change in the meantime.
    pub(crate) fn report(&mut self, holder: &str) {
        let who = holder.split(',').next().unwrap_or(holder);
        if self.0.as_deref() != Some(who) {
            tracing::info!("waiting for {holder}");
            self.0 = Some(who.to_owned());
        }
    }
}
