//! The account at the authority: made once, then read from the store.
//!
//! Its key is never changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evener_plan::AccountBinding;
use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::client::{Courier, insist};
use crate::fault::Fault;
use crate::settings::AcmeSettings;
use crate::storage::Store;

/// An open account, and whether it was made just now.
pub(crate) struct Opened {
    pub(crate) account: Account,
    pub(crate) is_new: bool,
}

/// What to do with the stored account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Use,
    /// Put it aside: the authority does not know it any more.
    Retire,
}

/// Opens the stored account, or makes one and stores it. Where nothing can be stored nothing is asked for: each start would
/// make another account, and order anew.
pub(crate) async fn open(settings: AcmeSettings, store: Store, stored: Stored) -> Result<Opened, Fault> {
    let directory = settings.acme.directory.clone();
    if !directory.starts_with("https://") {
        let what = format!("the directory {directory} is not an https:// URL");
        return Err(Fault::Setting { what, cause: None });
    }
    let prepared = spawn_blocking({
        let (settings, store, directory) = (settings.clone(), store.clone(), directory.clone());
        move || {
            store.probe()?;
            if stored == Stored::Retire {
                store.retire_account(&directory)?;
            }
            let stored = store.account(&directory)?;
            Ok::<_, Fault>((Courier::new(&settings)?, stored))
        }
    });
    let (courier, stored) = prepared.await.map_err(|_panicked| Fault::Broken)??;
    let contact = settings.acme.email.as_deref().map(|email| format!("mailto:{email}"));
    match stored {
        Some(stored) => {
            let account = reopen(&stored, contact.as_deref(), courier, &store, &directory).await?;
            Ok(Opened { account, is_new: false })
        }
        None => {
            let binding = settings.acme.binding.as_ref().map(binding_key).transpose()?;
            let account = create(contact.as_deref(), binding.as_ref(), courier, &store, &directory).await?;
            Ok(Opened { account, is_new: true })
        }
    }
}

async fn create(
    contact: Option<&str>,
    binding: Option<&ExternalAccountKey>,
    courier: Courier,
    store: &Store,
    directory: &str,
) -> Result<Account, Fault> {
    let contacts: Vec<&str> = contact.into_iter().collect();
    let wanted = NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
    let builder = || Account::builder_with_http(Box::new(courier.clone()));
    let (account, credentials) = insist!(builder().create(&wanted, String::from(directory), binding))?;
    let credentials = serde_json::to_value(credentials).map_err(unreadable)?;
    keep(credentials, contact, store, directory).await?;
    Ok(account)
}

async fn reopen(
    stored: &[u8],
    contact: Option<&str>,
    courier: Courier,
    store: &Store,
    directory: &str,
) -> Result<Account, Fault> {
    let stored: Value = serde_json::from_slice(stored).map_err(unreadable)?;
    let credentials: AccountCredentials = serde_json::from_value(stored.clone()).map_err(unreadable)?;
    let builder = Account::builder_with_http(Box::new(courier));
    let account = builder.from_credentials(credentials).await?;
    if stored.get(CONTACT).and_then(Value::as_str) != contact {
        let contacts: Vec<&str> = contact.into_iter().collect();
        insist!(account.update_contacts(&contacts))?;
        keep(stored, contact, store, directory).await?;
    }
    Ok(account)
}

/// Stores the credentials with the contact that the authority knows.
async fn keep(mut credentials: Value, contact: Option<&str>, store: &Store, directory: &str) -> Result<(), Fault> {
    if let Some(fields) = credentials.as_object_mut() {
        fields.insert(String::from(CONTACT), contact.map_or(Value::Null, Value::from));
    }
    let (store, directory) = (store.clone(), String::from(directory));
    let written = spawn_blocking(move || store.write_account(&directory, credentials.to_string().as_bytes()));
    written.await.map_err(|_panicked| Fault::Broken)?
}

fn binding_key(binding: &AccountBinding) -> Result<ExternalAccountKey, Fault> {
    // Authorities hand such keys out with and without padding.
    let key = URL_SAFE_NO_PAD.decode(binding.key.trim_end_matches('=')).map_err(|error| Fault::Setting {
        what: format!("the key of account binding {:?} is not base64url", binding.id),
        cause: Some(Box::new(error)),
    })?;
    Ok(ExternalAccountKey::new(binding.id.clone(), &key))
}

fn unreadable(error: serde_json::Error) -> Fault {
    Fault::Setting { what: String::from("the stored account is malformed"), cause: Some(Box::new(error)) }
}

/// The field beside those of the library.
const CONTACT: &str = "contact";
