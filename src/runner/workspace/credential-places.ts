/**
 * Where tools keep credentials, relative to a home. A step never sees them, and no folder on its way is one of these.
 * The only list of its kind; whoever learns of another place adds it here.
 */
export const credentialFolders: readonly string[] = [
  '.aws',
  '.azure',
  '.config/gcloud',
  '.config/gh',
  '.config/glab-cli',
  '.config/mayfly',
  '.config/op',
  '.gnupg',
  '.kube',
  '.local/state/mayfly',
  '.password-store',
  '.ssh',
]

/** In a workspace these are hidden as a whole. */
export const credentialFiles: readonly string[] = [
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.docker/config.json',
  '.gem/credentials',
  '.git-credentials',
  '.my.cnf',
  '.netrc',
  '.pgpass',
  '.pypirc',
  '.terraform.d/credentials.tfrc.json',
  '.vault-token',
  '_netrc',
]
