import { equalBytes } from './bytes.ts'
import { type Checkpoint, verifyCheckpoint } from './checkpoint.ts'
import { verifyCosignature } from './cosignature.ts'
import { parseVerifierKey, type Verifier } from './key.ts'

export interface PolicyLog {
  verifier: Verifier
  url?: string
}

export interface PolicyWitness {
  name: string
  verifier: Verifier
  /** Its submission prefix (tlog-witness), where the policy names one. */
  url?: string
}

/** Which logs and which witnesses are believed, and how many of them it takes (c2sp.org/tlog-policy). */
export interface TlogPolicy {
  logs: PolicyLog[]
  witnesses: PolicyWitness[]
  /** Is this set of witnesses, by name, enough? */
  quorum: (cosigners: ReadonlySet<string>) => boolean
}

export type TlogPolicyResult = { ok: true; policy: TlogPolicy } | { ok: false; line: number; message: string }

const maxLines = 1_000
type Rule = (cosigners: ReadonlySet<string>) => boolean

class PolicyMistake extends Error {}

/** Reads a policy file; a mistake comes back with its line, counted from 1. */
export function parseTlogPolicy(text: string): TlogPolicyResult {
  const lines = text.split('\n')
  if (lines.length > maxLines)
    return { ok: false, line: maxLines, message: 'it is longer than a policy may be' }
  const state: PolicyState = {
    logs: [],
    witnesses: [],
    rules: new Map(),
    members: new Set(),
    quorum: undefined,
  }
  for (const [i, line] of lines.entries()) {
    try {
      readLine(state, line)
    } catch (error) {
      if (!(error instanceof PolicyMistake)) throw error
      return { ok: false, line: i + 1, message: error.message }
    }
  }
  const { logs, witnesses, quorum } = state
  if (quorum === undefined)
    return {
      ok: false,
      line: lines.length,
      message: 'it has no quorum line ("quorum none" asks for no witness)',
    }
  return { ok: true, policy: { logs, witnesses, quorum } }
}

interface PolicyState {
  logs: PolicyLog[]
  witnesses: PolicyWitness[]
  rules: Map<string, Rule>
  /** Names that are a member of a group: each may be so once. */
  members: Set<string>
  quorum: Rule | undefined
}

function readLine(state: PolicyState, line: string): void {
  if (/[^\t\x20-\x7e\x80-\u{10ffff}]/u.test(line)) throw new PolicyMistake('it holds a control character')
  const [word, ...rest] = line.split(/[ \t]+/).filter((part) => part !== '')
  if (word === undefined || word.startsWith('#')) return
  if (word === 'log') readLog(state, rest)
  else if (word === 'witness') readWitness(state, rest)
  else if (word === 'group') readGroup(state, rest)
  else if (word === 'quorum') readQuorum(state, rest)
  else
    throw new PolicyMistake(
      `a line begins with log, witness, group or quorum, not with "${word.slice(0, 40)}"`,
    )
}

function readLog({ logs }: PolicyState, [vkey = '', url, ...more]: string[]): void {
  const verifier = readKey(vkey, logs, 'log')
  if (verifier.type !== 'note') throw new PolicyMistake('this is not the key of a log')
  if (more.length > 0) throw new PolicyMistake('it takes: log VKEY [URL]')
  logs.push({ verifier, ...urlOf(url) })
}

function readWitness(state: PolicyState, [name = '', vkey = '', url, ...more]: string[]): void {
  if (more.length > 0) throw new PolicyMistake('it takes: witness NAME VKEY [URL]')
  const verifier = readKey(vkey, state.witnesses, 'witness')
  if (verifier.type !== 'cosignature') throw new PolicyMistake('this is not the key of a witness (type 0x04)')
  define(state, name, (cosigners) => cosigners.has(name))
  state.witnesses.push({ name, verifier, ...urlOf(url) })
}

function readGroup(state: PolicyState, [name = '', threshold = '', ...members]: string[]): void {
  if (members.length === 0) throw new PolicyMistake('it takes: group NAME all|any|K NAME...')
  const rules = members.map((member) => {
    const rule = state.rules.get(member)
    if (rule === undefined) throw new PolicyMistake(`"${member}" is not defined above`)
    // Counted in two places, one witness would be two.
    if (state.members.has(member)) throw new PolicyMistake(`"${member}" is a member of a group already`)
    state.members.add(member)
    return rule
  })
  const least = threshold === 'all' ? rules.length : threshold === 'any' ? 1 : Number(threshold)
  if (!/^(?:all|any|[1-9]\d{0,3})$/.test(threshold) || least > rules.length)
    throw new PolicyMistake(`"${threshold}" is not all, any or a number from 1 to ${rules.length}`)
  define(state, name, (cosigners) => rules.filter((rule) => rule(cosigners)).length >= least)
}

function readQuorum(state: PolicyState, [name = '', ...more]: string[]): void {
  if (more.length > 0 || name === '') throw new PolicyMistake('it takes: quorum NAME')
  if (state.quorum !== undefined) throw new PolicyMistake('there is a quorum line already')
  state.quorum = name === 'none' ? () => true : state.rules.get(name)
  if (state.quorum === undefined) throw new PolicyMistake(`"${name}" is not defined above`)
}

function define({ rules }: PolicyState, name: string, rule: Rule): void {
  if (name === '' || name === 'none')
    throw new PolicyMistake('a witness or group needs a name other than none')
  if (rules.has(name)) throw new PolicyMistake(`"${name}" is defined already`)
  rules.set(name, rule)
}

function readKey(vkey: string, known: readonly { verifier: Verifier }[], what: string): Verifier {
  const verifier = parseVerifierKey(vkey)
  if (verifier === undefined) throw new PolicyMistake(`the key of the ${what} is not an Ed25519 vkey`)
  if (known.some((one) => equalBytes(one.verifier.publicKey, verifier.publicKey)))
    throw new PolicyMistake(`there is a ${what} with this key already`)
  return verifier
}

function urlOf(url: string | undefined): { url?: string } {
  if (url === undefined) return {}
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new PolicyMistake(`"${url}" is no http(s) URL`)
  return { url }
}

/** The logs of the policy that have this name and key. */
export function logsBy({ name, publicKey }: Verifier, policy: TlogPolicy): PolicyLog[] {
  return policy.logs.filter(
    ({ verifier }) => verifier.name === name && equalBytes(verifier.publicKey, publicKey),
  )
}

export type PolicyVerdict =
  | { ok: true; checkpoint: Checkpoint; witnesses: { name: string; timeSeconds: number }[] }
  | { ok: false; reason: 'untrusted_log' | 'bad_signature' | 'malformed' | 'no_quorum'; message: string }

/** Is the checkpoint signed by one of the policy's logs, and cosigned by a quorum of its witnesses? */
export async function verifyByPolicy(note: string, policy: TlogPolicy): Promise<PolicyVerdict> {
  let reason: 'untrusted_log' | 'bad_signature' | 'malformed' = 'untrusted_log'
  for (const { verifier } of policy.logs) {
    const verdict = await verifyCheckpoint(note, verifier)
    if (verdict.ok) return await withQuorum(note, verdict.checkpoint, policy)
    if (verdict.reason === 'bad_signature' || verdict.reason === 'malformed') reason = verdict.reason
  }
  const message = {
    untrusted_log: 'it is not signed by a log of the policy',
    bad_signature: 'its signature is false: it was changed or forged',
    malformed: 'it is not a signed checkpoint',
  }[reason]
  return { ok: false, reason, message }
}

/** Which of the policy's witnesses cosigned this note, and whether they are enough. Its log's signature is not looked at. */
export async function verifyQuorum(
  note: string,
  policy: TlogPolicy,
): Promise<{ ok: boolean; witnesses: { name: string; timeSeconds: number }[] }> {
  const witnesses: { name: string; timeSeconds: number }[] = []
  for (const { name, verifier } of policy.witnesses) {
    const timeSeconds = await verifyCosignature(note, verifier)
    if (timeSeconds !== undefined) witnesses.push({ name, timeSeconds })
  }
  return { ok: policy.quorum(new Set(witnesses.map(({ name }) => name))), witnesses }
}

async function withQuorum(note: string, checkpoint: Checkpoint, policy: TlogPolicy): Promise<PolicyVerdict> {
  const { ok, witnesses } = await verifyQuorum(note, policy)
  if (ok) return { ok: true, checkpoint, witnesses }
  const found = witnesses.map(({ name }) => name).join(', ') || 'none'
  const message = `its cosignatures are no quorum: found ${found} of ${policy.witnesses.map(({ name }) => name).join(', ')}`
  return { ok: false, reason: 'no_quorum', message }
}
