//! What the requests, the library's methods and the control API all hold on to.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::runtime::Handle;

use crate::calls::CallLog;
use crate::faults::Faults;
use crate::gate::{Gate, Gates};
use crate::provider::Provider;
use crate::server::{Connection, Door};
use crate::settings::Settings;
use crate::{control, endpoints};

/// The whole provider: its state, its log, its faults and its doors.
pub(crate) struct Shared {
    provider: Mutex<Provider>,
    pub(crate) calls: CallLog,
    pub(crate) faults: Faults,
    pub(crate) gates: Gates,
    /// Gates that were closed by the control API, by their number.
    pub(crate) controlled_gates: Mutex<BTreeMap<u64, Arc<Gate>>>,
    /// Whether requests are taken and never answered.
    pub(crate) silent: AtomicBool,
    /// How many outages the control API has begun or ended: a timed one ends itself only if it is still the last.
    pub(crate) outages: AtomicU64,
    runtime: Handle,
    door: Arc<Door>,
    control_door: Option<Arc<Door>>,
}

impl Shared {
    /// Takes its ports and listens, with its tasks on `runtime`.
    pub(crate) fn start(settings: Settings, runtime: Handle) -> io::Result<Arc<Self>> {
        let door = Arc::new(Door::reserve(settings.listen)?);
        let control_door = match settings.control_port {
            Some(port) => Some(Arc::new(Door::reserve((settings.listen.ip(), port).into())?)),
            None => None,
        };
        let shared = Arc::new(Self {
            provider: Mutex::new(Provider::new(settings)),
            calls: CallLog::new(),
            faults: Faults::default(),
            gates: Gates::default(),
            controlled_gates: Mutex::default(),
            silent: AtomicBool::new(false),
            outages: AtomicU64::new(0),
            runtime,
            door,
            control_door,
        });
        shared.start_listening()?;
        if let Some(door) = &shared.control_door {
            door.open(&shared.runtime, control::router(&shared))?;
        }
        Ok(shared)
    }

    pub(crate) fn provider(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().expect("no one panics while holding the provider")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.door.address()
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where the control API stays up through outages, or else where it is at all.
    pub(crate) fn control_url(&self) -> String {
        let door = self.control_door.as_ref().unwrap_or(&self.door);
        format!("http://{}/control", door.address())
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn start_listening(self: &Arc<Self>) -> io::Result<()> {
        let router = endpoints::router(self).merge(control::router(self));
        self.door.open(&self.runtime, router)
    }

    pub(crate) fn stop_listening(&self, spared: Option<&Arc<Connection>>) {
        self.door.close(spared);
    }

    /// Closes every connection of the provider's own port.
    pub(crate) fn cut_connections(&self, spared: Option<&Arc<Connection>>) {
        self.door.cut_all(spared);
    }

    /// Closes everything, for good.
    pub(crate) fn shut_down(&self) {
        self.door.close(None);
        if let Some(door) = &self.control_door {
            door.close(None);
        }
        // Requests at these gates hold on to all of this.
        self.controlled_gates.lock().expect("no one panics while holding the gates").clear();
    }
}
