import { DatabaseSync } from 'node:sqlite'
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
  `
  ALTER TABLE sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
  ALTER TABLE sessions ADD COLUMN repository_id TEXT;
  ALTER TABLE sessions ADD COLUMN repository TEXT;
  ALTER TABLE sessions ADD COLUMN commit_id TEXT;
  UPDATE sessions SET
    issuer = json_extract(identity, '$.issuer'),
    repository_id = json_extract(identity, '$.attributes.repository_id'),
    repository = json_extract(identity, '$.attributes.repository'),
    commit_id = json_extract(identity, '$.attributes.commit');
  CREATE INDEX sessions_issuer ON sessions (issuer) WHERE ended_ms IS NULL;
  CREATE INDEX sessions_repository_id ON sessions (repository_id) WHERE ended_ms IS NULL;
  CREATE INDEX sessions_repository ON sessions (repository) WHERE ended_ms IS NULL;
  CREATE INDEX sessions_commit ON sessions (commit_id) WHERE ended_ms IS NULL;
  ALTER TABLE policies ADD COLUMN source TEXT;
  ALTER TABLE api_tokens ADD COLUMN login TEXT;
  CREATE TABLE approvals (
    id TEXT PRIMARY KEY, code_hash TEXT NOT NULL UNIQUE, jkt TEXT NOT NULL, state TEXT NOT NULL,
    identity TEXT NOT NULL, roles TEXT NOT NULL, policy_version INTEGER NOT NULL, grants_digest TEXT NOT NULL,
    run_id TEXT NOT NULL, issuer TEXT NOT NULL, repository_id TEXT, repository TEXT, commit_id TEXT,
    created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, ended_ms INTEGER, end_reason TEXT) STRICT;
  CREATE INDEX approvals_open ON approvals (expires_ms) WHERE ended_ms IS NULL;
  CREATE TABLE approval_votes (
    approval_id TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE, person TEXT NOT NULL, name TEXT NOT NULL,
    reason TEXT, login TEXT NOT NULL, created_ms INTEGER NOT NULL,
    PRIMARY KEY (approval_id, person)) STRICT, WITHOUT ROWID;
  CREATE TABLE operator_sessions (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, login TEXT NOT NULL, created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, ended_ms INTEGER) STRICT;
  CREATE TABLE notifications (
    id TEXT PRIMARY KEY, target TEXT NOT NULL, event TEXT NOT NULL, attempts INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;
  CREATE INDEX notifications_due ON notifications (due_ms);
  `,
  `
  CREATE TABLE runs (
    id TEXT PRIMARY KEY, next_number INTEGER NOT NULL, given_up TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE people (
    who TEXT PRIMARY KEY, alias TEXT, person TEXT NOT NULL UNIQUE, sealed BLOB NOT NULL,
    created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX people_alias ON people (alias);
  `,
  // Whether a run still has a session is asked whenever one ends; those that ended are kept.
  `
  DROP INDEX sessions_run;
  CREATE INDEX sessions_run ON sessions (run_id) WHERE ended_ms IS NULL;
  `,
  // Four more trees to change for every session, for who ends some of them once in a while: the open ones are read then.
  `
  DROP INDEX sessions_issuer;
  DROP INDEX sessions_repository_id;
  DROP INDEX sessions_repository;
  DROP INDEX sessions_commit;
  `,
  // By their end first: a token says it itself (it stood here with a minute more), new ones come near the end of the tree,
  // and old ones are forgotten from its start. Under a name of its own: whoever still writes the other table fails.
  `
  CREATE TABLE spent_tokens (
    expires_ms INTEGER NOT NULL, issuer TEXT NOT NULL, token_id TEXT NOT NULL,
    PRIMARY KEY (expires_ms, issuer, token_id)) STRICT, WITHOUT ROWID;
  INSERT INTO spent_tokens SELECT expires_ms - 60000, issuer, token_id FROM used_tokens;
  DROP TABLE used_tokens;
  `,
  // Gone with the end of its step.
  `
  CREATE TABLE lockfiles (step_id TEXT PRIMARY KEY REFERENCES steps (id), packed BLOB NOT NULL) STRICT;
  `,
  `
  CREATE TABLE workspaces (
    run_id TEXT NOT NULL, workspace TEXT NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (run_id, workspace, role)) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE step_logs (
    step_id TEXT PRIMARY KEY REFERENCES steps (id), run_id TEXT NOT NULL, opened_ms INTEGER NOT NULL, sealed_ms INTEGER,
    bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, sha256 TEXT, claimed_ms INTEGER,
    removed_ms INTEGER, remove_reason TEXT) STRICT;
  CREATE INDEX step_logs_run ON step_logs (run_id);
  CREATE INDEX step_logs_open ON step_logs (step_id) WHERE sealed_ms IS NULL;
  CREATE INDEX step_logs_kept ON step_logs (sealed_ms) WHERE removed_ms IS NULL;
  `,
  // Sessions that hold roles for steps which begin later; few, and looked for every second.
  `
  ALTER TABLE sessions ADD COLUMN wait_seconds INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX sessions_waiting ON sessions (heartbeat_ms) WHERE ended_ms IS NULL AND wait_seconds > 0;
  `,
  `
  CREATE TABLE first_seen (
    registry TEXT NOT NULL, purl TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, seen_ms INTEGER NOT NULL,
    recorded_ms INTEGER, PRIMARY KEY (registry, purl, path)) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE tree_heads (
    log TEXT PRIMARY KEY, size INTEGER NOT NULL, root TEXT NOT NULL, note TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE archive_dates (
    registry TEXT NOT NULL, suite TEXT NOT NULL, date_ms INTEGER NOT NULL,
    PRIMARY KEY (registry, suite)) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE provenance (
    registry TEXT NOT NULL, name TEXT NOT NULL, issuer TEXT NOT NULL, repository TEXT NOT NULL, repository_id TEXT,
    version TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (registry, name)) STRICT, WITHOUT ROWID;
  `,
  // A credential that an upstream made is known here before it is made, and until it is known to be dead.
  `
  ALTER TABLE leases ADD COLUMN state TEXT NOT NULL DEFAULT 'issued';
  ALTER TABLE leases ADD COLUMN plan TEXT;
  ALTER TABLE leases ADD COLUMN handle BLOB;
  ALTER TABLE leases ADD COLUMN means TEXT NOT NULL DEFAULT 'at_once';
  ALTER TABLE leases ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE leases ADD COLUMN due_ms INTEGER;
  ALTER TABLE leases ADD COLUMN claimed_ms INTEGER;
  ALTER TABLE leases ADD COLUMN claimed_by TEXT;
  ALTER TABLE leases ADD COLUMN failure TEXT;
  ALTER TABLE leases ADD COLUMN proof TEXT;
  UPDATE leases SET state = 'revoked' WHERE revoked_ms IS NOT NULL;
  CREATE INDEX leases_due ON leases (due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX leases_stuck ON leases (id) WHERE state = 'revoke_failed';
  `,
  `
  CREATE TABLE vault_keys (
    id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, provider TEXT NOT NULL, created_ms INTEGER NOT NULL,
    retired_ms INTEGER) STRICT;
  CREATE TABLE secret_names (
    name TEXT PRIMARY KEY, owner TEXT, description TEXT, tags TEXT NOT NULL DEFAULT '{}',
    current_version INTEGER NOT NULL, created_ms INTEGER NOT NULL, deleted_ms INTEGER,
    used_ms INTEGER, used_by TEXT) STRICT, WITHOUT ROWID;
  ALTER TABLE secrets ADD COLUMN created_by TEXT;
  ALTER TABLE secrets ADD COLUMN destroyed_ms INTEGER;
  INSERT INTO secret_names (name, current_version, created_ms)
    SELECT name, max(version), min(created_ms) FROM secrets GROUP BY name;
  `,
  // What is to be done at one upstream is found without reading what waits at another.
  `
  ALTER TABLE leases ADD COLUMN run_id TEXT;
  ALTER TABLE leases ADD COLUMN asked_ms INTEGER;
  ALTER TABLE leases ADD COLUMN revoking_ms INTEGER;
  ALTER TABLE leases ADD COLUMN told_ms INTEGER;
  CREATE INDEX leases_due_at ON leases (connection, due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX leases_due_of ON leases (run_id) WHERE due_ms IS NOT NULL;
  `,
  // Keys that follow one another: which is next, since when it signs, until when its tokens may be met. Two servers that make the
  // same next key at once are told apart by its number.
  `
  ALTER TABLE signing_keys ADD COLUMN use TEXT NOT NULL DEFAULT 'access';
  ALTER TABLE signing_keys ADD COLUMN alg TEXT NOT NULL DEFAULT 'ES256';
  ALTER TABLE signing_keys ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE signing_keys ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE signing_keys ADD COLUMN retired_ms INTEGER;
  ALTER TABLE signing_keys ADD COLUMN withdrawn_ms INTEGER;
  UPDATE signing_keys SET not_before_ms = created_ms, number = (
    SELECT count(*) FROM signing_keys AS o
    WHERE o.created_ms < signing_keys.created_ms
      OR (o.created_ms = signing_keys.created_ms AND o.kid <= signing_keys.kid));
  CREATE UNIQUE INDEX signing_keys_number ON signing_keys (use, alg, number);
  `,
  // How many leases are in which state is known without counting a million of them; `removed` are those that were deleted since.
  `
  CREATE TABLE lease_counts (state TEXT PRIMARY KEY, leases INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO lease_counts SELECT state, count(*) FROM leases GROUP BY state;
  CREATE TRIGGER leases_added AFTER INSERT ON leases BEGIN
    INSERT INTO lease_counts VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET leases = leases + 1;
  END;
  CREATE TRIGGER leases_changed AFTER UPDATE OF state ON leases WHEN old.state <> new.state BEGIN
    UPDATE lease_counts SET leases = leases - 1 WHERE state = old.state;
    INSERT INTO lease_counts VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET leases = leases + 1;
  END;
  CREATE TRIGGER leases_removed AFTER DELETE ON leases BEGIN
    UPDATE lease_counts SET leases = leases - 1 WHERE state = old.state;
    INSERT INTO lease_counts SELECT 'removed', 1 WHERE old.revoked_ms IS NOT NULL
      ON CONFLICT (state) DO UPDATE SET leases = leases + 1;
  END;
  DROP INDEX leases_stuck;
  CREATE INDEX leases_stuck ON leases (revoking_ms) WHERE state = 'revoke_failed';
  CREATE INDEX leases_over ON leases (revoked_ms) WHERE revoked_ms IS NOT NULL;
  `,
  // Few leases have one, and hosts ask for theirs by the minute.
  `
  ALTER TABLE leases ADD COLUMN revocation_list TEXT;
  CREATE INDEX leases_listed ON leases (revocation_list, expires_ms) WHERE revocation_list IS NOT NULL;
  `,
  // Two servers, or one and its successor, never rotate the same secret at once: the index says so.
  `
  CREATE TABLE rotations (
    id TEXT PRIMARY KEY, secret TEXT NOT NULL, rotator TEXT NOT NULL, config TEXT NOT NULL, state TEXT NOT NULL,
    cause TEXT NOT NULL, asked_by TEXT NOT NULL, from_version INTEGER NOT NULL, to_version INTEGER, plan TEXT,
    handle TEXT, old_handle TEXT, created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, promoted_ms INTEGER, ended_ms INTEGER, claimed_ms INTEGER, claimed_by TEXT,
    failure TEXT, proof TEXT) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX rotations_open ON rotations (secret) WHERE ended_ms IS NULL;
  CREATE INDEX rotations_of ON rotations (secret, created_ms);
  CREATE TABLE rotation_alerts (
    secret TEXT NOT NULL, version INTEGER NOT NULL, about TEXT NOT NULL, created_ms INTEGER NOT NULL,
    PRIMARY KEY (secret, version, about)) STRICT, WITHOUT ROWID;
  CREATE TABLE lease_secrets (
    secret TEXT NOT NULL, created_ms INTEGER NOT NULL, lease_id TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (secret, created_ms, lease_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX lease_secrets_of ON lease_secrets (lease_id);
  CREATE TRIGGER lease_secrets_removed AFTER DELETE ON leases BEGIN
    DELETE FROM lease_secrets WHERE lease_id = old.id;
  END;
  ALTER TABLE secret_names ADD COLUMN compromised_version INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE compromises (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, secret TEXT NOT NULL, version INTEGER NOT NULL, reason TEXT,
    asked_by TEXT NOT NULL, created_ms INTEGER NOT NULL, leases INTEGER NOT NULL DEFAULT 0, proof TEXT,
    ended_ms INTEGER, UNIQUE (secret, version)) STRICT;
  `,
  // A value that was changed in place works no more from then on, whichever server has it in memory.
  `
  ALTER TABLE secret_names ADD COLUMN dead_version INTEGER NOT NULL DEFAULT 0;
  `,
  // Whoever takes a rotation back is not always who began it.
  `
  ALTER TABLE rotations ADD COLUMN undone_by TEXT;
  `,
  // People are asked about single operations of a step, too.
  `
  ALTER TABLE approvals ADD COLUMN operation TEXT;
  ALTER TABLE approvals ADD COLUMN step_id TEXT;
  ALTER TABLE approvals ADD COLUMN operation_key TEXT;
  CREATE INDEX approvals_operation ON approvals (operation_key) WHERE operation_key IS NOT NULL;
  CREATE INDEX approvals_step ON approvals (step_id) WHERE step_id IS NOT NULL AND ended_ms IS NULL;
  `,
  // What a grant with `artifact: run` lets out is what an earlier step of the run made.
  `
  CREATE TABLE run_artifacts (
    run_id TEXT NOT NULL, digest TEXT NOT NULL, step_id TEXT NOT NULL, created_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, digest, step_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX run_artifacts_created ON run_artifacts (created_ms);
  `,
  // Sessions at terminals of hosts; the bytes are files.
  `
  CREATE TABLE recordings (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, step_id TEXT NOT NULL, connection TEXT NOT NULL, operation TEXT NOT NULL,
    started_ms INTEGER NOT NULL, ended_ms INTEGER, bytes INTEGER NOT NULL, sha256 TEXT, removed_ms INTEGER) STRICT, WITHOUT ROWID;
  CREATE INDEX recordings_run ON recordings (run_id);
  CREATE INDEX recordings_kept ON recordings (started_ms) WHERE removed_ms IS NULL;
  `,
  // What is to be signed of a step is here with the step's end, before anything is signed. One a kind and step: two servers that
  // sign at once are told apart by whose bundle is stored first.
  `
  CREATE TABLE attestations (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, step_id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    facts BLOB, bundle BLOB, statement_sha256 TEXT, predicate_type TEXT, log_index INTEGER, signed_by TEXT,
    created_ms INTEGER NOT NULL, signed_ms INTEGER, due_ms INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    claimed_ms INTEGER, claimed_by TEXT, failure TEXT, removed_ms INTEGER, UNIQUE (step_id, kind)) STRICT;
  CREATE INDEX attestations_due ON attestations (due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX attestations_run ON attestations (run_id, created_ms);
  CREATE INDEX attestations_kept ON attestations (state, created_ms) WHERE removed_ms IS NULL;
  CREATE TABLE attestation_subjects (
    digest TEXT NOT NULL, attestation_id TEXT NOT NULL REFERENCES attestations (id), name TEXT,
    PRIMARY KEY (digest, attestation_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX attestation_subjects_of ON attestation_subjects (attestation_id);
  CREATE TABLE step_materials (
    step_id TEXT NOT NULL, purl TEXT NOT NULL, path TEXT NOT NULL DEFAULT '', run_id TEXT NOT NULL,
    digest TEXT, sha256 TEXT, by TEXT NOT NULL, connection TEXT NOT NULL, part TEXT, created_ms INTEGER NOT NULL,
    PRIMARY KEY (step_id, purl, path)) STRICT, WITHOUT ROWID;
  CREATE INDEX step_materials_created ON step_materials (created_ms);
  ALTER TABLE steps ADD COLUMN opened TEXT;
  ALTER TABLE steps ADD COLUMN first_entry INTEGER;
  CREATE TABLE step_artifacts (
    step_id TEXT PRIMARY KEY REFERENCES steps (id), sha256 TEXT NOT NULL, packed BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE attest_keys (
    id TEXT PRIMARY KEY, use TEXT NOT NULL, public_key TEXT NOT NULL, certificate TEXT, sealed BLOB,
    created_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, retired_ms INTEGER, removed_ms INTEGER,
    number INTEGER NOT NULL, UNIQUE (use, number)) STRICT;
  CREATE TABLE attest_pins (place TEXT PRIMARY KEY, spki TEXT NOT NULL, first_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE trust_documents (
    version INTEGER PRIMARY KEY, envelope TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE attest_revocations (
    key TEXT PRIMARY KEY, from_ms INTEGER NOT NULL, tree_size INTEGER NOT NULL, reason TEXT NOT NULL,
    created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // One digest may be published under several names and tags, and provenance says each.
  `
  CREATE TABLE step_publications (
    step_id TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, connection TEXT NOT NULL, tag TEXT NOT NULL,
    run_id TEXT NOT NULL, bytes INTEGER, created_ms INTEGER NOT NULL,
    PRIMARY KEY (step_id, name, digest, connection, tag)) STRICT, WITHOUT ROWID;
  CREATE INDEX step_publications_created ON step_publications (created_ms);
  CREATE INDEX step_publications_digest ON step_publications (digest);
  `,
  // How a step ends is decided before that is signed: what comes later, at whichever server, changes nothing of it. And which
  // servers carried something for a step that they have not brought to the store yet: one that died never will.
  `
  ALTER TABLE steps ADD COLUMN decided TEXT;
  CREATE TABLE step_carriers (
    step_id TEXT NOT NULL, carrier TEXT NOT NULL, created_ms INTEGER NOT NULL,
    PRIMARY KEY (step_id, carrier)) STRICT, WITHOUT ROWID;
  CREATE INDEX step_carriers_created ON step_carriers (created_ms);
  `,
  // A receipt shows these entries with their proofs: they stand in the log before the first one of the step.
  `
  ALTER TABLE sessions ADD COLUMN issued_entry INTEGER;
  ALTER TABLE approval_votes ADD COLUMN entry INTEGER;
  `,
  // Logs are replaced, and the size of one says nothing of the other.
  `
  ALTER TABLE attest_revocations ADD COLUMN log_id TEXT;
  `,
  // Provenance of a step that was handed a file says whether all that its maker took in was verified.
  `
  ALTER TABLE steps ADD COLUMN dependencies TEXT;
  `,
  // By which a secret of the vault is found where it should not be: sealed, one row for each version, made in the background.
  `
  CREATE TABLE secret_fingerprints (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL,
    UNIQUE (name, version)) STRICT;
  `,
  // Secrets that vendors were asked about, by names that only the vault's key makes: once an hour, whichever server.
  `
  CREATE TABLE scan_asked (
    name TEXT PRIMARY KEY, rule TEXT NOT NULL, claimed_ms INTEGER, seen_ms INTEGER NOT NULL, answered_ms INTEGER,
    answer TEXT, revoking_ms INTEGER, revoked_ms INTEGER) STRICT, WITHOUT ROWID;
  CREATE INDEX scan_asked_seen ON scan_asked (seen_ms);
  `,
  // What is made of a secret is made anew where more of it is looked for than before; what steps were given is known at all servers.
  `
  ALTER TABLE secret_fingerprints ADD COLUMN reckoned INTEGER NOT NULL DEFAULT 1;
  CREATE TABLE given_names (
    name TEXT PRIMARY KEY, connection TEXT NOT NULL, step_id TEXT NOT NULL, lease_id TEXT NOT NULL, until_ms INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE INDEX given_names_until ON given_names (until_ms);
  `,
]

/** Would opening it bring it to another version than the Mayfly that runs on it knows? */
export function isOutdated(file: string): boolean {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  try {
    return database.prepare('PRAGMA user_version').get()?.['user_version'] !== migrations.length
  } finally {
    database.close()
  }
}

/**
 * Brings the database to this version, or `to` an earlier one, as tests of a migration do: in one transaction, so that it is
 * never between two, and of two servers that start at once the second finds it done. Throws `data_folder` if a newer Mayfly
 * wrote it: an older one would not know what it may not touch.
 */
export function migrate(database: DatabaseSync, to = migrations.length): void {
  if (versionOf(database) >= to) return
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = versionOf(database)
    for (const sql of migrations.slice(version, to)) database.exec(sql)
    database.exec(`PRAGMA user_version = ${Math.max(version, to)}; COMMIT`)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function versionOf(database: DatabaseSync): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  if (version <= migrations.length) return version
  throw new MayflyError(
    'data_folder',
    `the data folder is of a newer Mayfly (schema ${version}, this one knows ${migrations.length}): use that version or another --data`,
  )
}
