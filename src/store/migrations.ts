import type { DatabaseSync } from 'node:sqlite'
import { MayflyError } from '../lib/index.ts'

/** Applied in order, each in one transaction with its number. Never edited once released; only added to. */
const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE used_tokens (
    issuer TEXT NOT NULL, token_id TEXT NOT NULL, expires_ms INTEGER NOT NULL,
    PRIMARY KEY (issuer, token_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX used_tokens_expiry ON used_tokens (expires_ms);
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, identity TEXT NOT NULL, roles TEXT NOT NULL, jkt TEXT NOT NULL,
    created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL,
    ended_ms INTEGER, end_reason TEXT) STRICT;
  CREATE INDEX sessions_open ON sessions (expires_ms) WHERE ended_ms IS NULL;
  CREATE INDEX sessions_run ON sessions (run_id);
  CREATE TABLE steps (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id), name TEXT NOT NULL, role TEXT NOT NULL,
    tier TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL,
    ended_ms INTEGER, end_reason TEXT, exit_code INTEGER) STRICT;
  CREATE INDEX steps_open ON steps (session_id) WHERE ended_ms IS NULL;
  CREATE TABLE leases (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id),
    step_id TEXT NOT NULL REFERENCES steps (id), connection TEXT NOT NULL, grant_source TEXT NOT NULL,
    kind TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
    revoked_ms INTEGER, revoke_reason TEXT) STRICT;
  CREATE INDEX leases_open ON leases (step_id) WHERE revoked_ms IS NULL;
  CREATE INDEX leases_session ON leases (session_id);
  CREATE TABLE secrets (
    name TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL, created_ms INTEGER NOT NULL,
    PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL) STRICT;
  CREATE TABLE policies (
    version INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, applied_by TEXT NOT NULL,
    applied_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER) STRICT;
  CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY, public_jwk TEXT NOT NULL, sealed BLOB NOT NULL, created_ms INTEGER NOT NULL) STRICT;
  `,
]

/**
 * Brings the database to this version. Throws `data_folder` if a newer Mayfly wrote it: an older one
 * would not know what it may not touch.
 */
export function migrate(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA user_version').get()
  const version = Number(row?.['user_version'] ?? 0)
  if (version > migrations.length) {
    throw new MayflyError(
      'data_folder',
      `the data folder is of a newer Mayfly (schema ${version}, this one knows ${migrations.length}): use that version or another --data`,
    )
  }
  migrations.slice(version).forEach((sql, i) => {
    database.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${version + i + 1}; COMMIT`)
  })
}
