import type { TermKind } from '../audit/search/index.ts'

/** Options of one name each: what an entry can be found by. Given twice, either counts. */
export const findOptions: Readonly<Record<string, { kind: TermKind; help: string }>> = {
  run: { kind: 'run', help: 'of this run' },
  repository: { kind: 'repository', help: 'its name, or its immutable id' },
  commit: { kind: 'commit', help: 'from seven digits on' },
  ref: { kind: 'ref', help: 'refs/heads/main: of the job, or touched by an operation' },
  actor: { kind: 'actor', help: 'who triggered the job: per_..., or a login where names can be opened' },
  by: { kind: 'by', help: 'who decided or changed something: a person, or the name of an API token' },
  role: { kind: 'role', help: 'a role' },
  action: { kind: 'action', help: 'git:push, npm:install, ...' },
  connection: { kind: 'connection', help: 'a name under connections' },
  host: { kind: 'host', help: 'a host that was reached or refused' },
  package: { kind: 'package', help: 'NAME or NAME@VERSION' },
  secret: { kind: 'secret', help: 'the name of a secret' },
  outcome: { kind: 'outcome', help: 'granted, denied, refused, shadowed, failed, lost, done' },
  type: { kind: 'type', help: 'access.denied, session.issued, ...' },
  session: { kind: 'session', help: 'ses_...' },
  step: { kind: 'step', help: 'stp_...' },
  lease: { kind: 'lease', help: 'lse_...' },
  approval: { kind: 'approval', help: 'apr_...' },
  token: { kind: 'token', help: 'the id of an API token or sign-in' },
  request: { kind: 'request', help: 'req_..., as a refusal names it' },
}

/** Questions that people ask by one word. */
export const topics: Readonly<Record<string, Readonly<Partial<Record<TermKind, readonly string[]>>>>> = {
  approvals: { type: ['approval.*'] },
  changes: { type: ['policy.*', 'secret.*', 'compromise.*', 'vault.*', 'token.*', 'person.*', 'oidc.*'] },
  lost: { outcome: ['lost'] },
  refusals: { outcome: ['denied', 'refused'] },
  'sign-ins': { type: ['operator.*'] },
}
export const topicNames = Object.keys(topics)
