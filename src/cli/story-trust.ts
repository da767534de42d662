import type { Data, Tellers } from './story-entry.ts'
import { list, text } from './story-text.ts'

const keys: Readonly<Record<string, string>> = {
  ca: 'the attestation CA',
  root: 'the root key of attestations',
  signing: 'a key that signs attestations',
}

/** Whose word counts for attestations, as it is told. */
export const trustTellers: Tellers = {
  'trust.published': (data) => [
    `${whoOf(data)} put version ${text(data['version'])} of the trust document in force${changesOf(data)}`,
  ],
  'trust.rotated': (data) => [
    `${whoOf(data)} brought in ${text(data['key']).slice(0, 16)} as ${keys[text(data['use'])] ?? text(data['use'])}; it signs from ${text(data['signs_from'])}`,
  ],
  'trust.revoked': ({ key, from: since, tree_size: size, reason, ...data }) => [
    `${whoOf(data)} REVOKED key ${text(key).slice(0, 16)} of attestations since ${text(since)} and entry ${text(size)} of their log: ${text(reason)}`,
  ],
}

function whoOf({ by }: Data): string {
  return by === undefined ? 'Mayfly' : text(by)
}

function changesOf({ changes }: Data): string {
  return Array.isArray(changes) && changes.length > 0 ? `: ${list(changes)}` : ''
}
