import type { Data, Tellers } from './story-entry.ts'
import { list, text } from './story-text.ts'

/** What becomes of secrets, of the vault and of our own keys, as it is told. */
export const secretTellers: Tellers = {
  'secret.set': (data) => [
    `${text(data['by'])} sealed ${data['version'] === undefined ? 'a new version' : `version ${text(data['version'])}`} of secret "${text(data['secret'])}"`,
  ],
  'secret.described': (data) => [
    `${text(data['by'])} changed what is said of secret "${text(data['secret'])}"`,
  ],
  'secret.revealed': (data) => [
    `${text(data['by'])} WAS SHOWN version ${text(data['version'])} of secret "${text(data['secret'])}"`,
  ],
  'scan.asked': (data) => [
    `${text(data['by'])} asked whether secrets stand in what they scan (${text(data['bytes'])} bytes so far)`,
  ],
  'scan.known': (data) => [
    `${text(data['by'])} FOUND SECRETS by a scan, in ${data['file'] === undefined ? 'a file' : text(data['file'])}: ${secretsOf(data)}`,
  ],
  'scan.told': (data) => [
    `${text(data['by'])} was told what vendors said before of ${Array.isArray(data['keys']) ? data['keys'].length : 'some'} secrets that were found`,
  ],
  'scan.verifying': ({ rule, fingerprint, at }) => [
    `asks ${text(at)} about a secret that was found (${text(rule)}, ${text(fingerprint)})`,
  ],
  'scan.verified': (data) => [
    `${data['state'] === 'alive' ? 'A SECRET THAT WAS FOUND IS ALIVE' : `a secret that was found is ${text(data['state'])}`} at ${text(data['at'])} (${text(data['rule'])}, ${text(data['fingerprint'])})${data['why'] === undefined ? '' : `: ${text(data['why'])}`}`,
  ],
  'scan.revoking': ({ rule, fingerprint, at }) => [
    `has ${text(at)} end a secret that was found (${text(rule)}, ${text(fingerprint)})`,
  ],
  'scan.revoked': ({ rule, fingerprint, at, state, why }) => [
    `a secret that was found ${state === 'revoked' ? 'is ended' : 'IS NOT ENDED'} at ${text(at)} (${text(rule)}, ${text(fingerprint)})${why === undefined ? '' : `: ${text(why)}`}`,
  ],
  'secret.restored': (data) => [
    `${text(data['by'])} restored secret "${text(data['secret'])}"${data['copyOf'] === undefined ? '' : `: version ${text(data['version'])} has the value of version ${text(data['copyOf'])}`}`,
  ],
  'secret.deleted': (data) => [
    `${text(data['by'])} deleted secret "${text(data['secret'])}" with its ${text(data['versions'])} versions${thoughNeeded(data)}`,
  ],
  'secret.destroyed': (data) => [
    `${text(data['by'])} destroyed version ${list(data['versions'])} of secret "${text(data['secret'])}"${thoughNeeded(data)}`,
  ],
  'secret.rotated': ({ secret, from: old, to, rotator }) => [
    `secret "${text(secret)}" was rotated: version ${text(to)} is used in place of ${text(old)} (${text(rotator)})`,
  ],
  'secret.retired': ({ secret, from: old, proof }) => [
    `version ${text(old)} of secret "${text(secret)}" is ended at its upstream (${text(proof)})`,
  ],
  'secret.rolledback': ({ secret, from: old, reason }) => [
    `THE ROTATION of secret "${text(secret)}" WAS TAKEN BACK, version ${text(old)} is used: ${text(reason)}`,
  ],
  'secret.unrotated': ({ secret, from: old, state, reason }) => [
    state === 'promoted' || state === 'retiring'
      ? `VERSION ${text(old)} of secret "${text(secret)}" IS NOT ENDED: ${text(reason)}`
      : `SECRET "${text(secret)}" WAS NOT ROTATED, version ${text(old)} is used: ${text(reason)}`,
  ],
  'secret.compromised': (data) => [
    `${text(data['by'])} said that OTHERS KNOW version ${text(data['version'])} of secret "${text(data['secret'])}"${data['reason'] === undefined ? '' : `: ${text(data['reason'])}`}`,
  ],
  'compromise.answered': (data) => [
    `version ${text(data['version'])} of secret "${text(data['secret'])}", which others know, is not used any more: ${text(data['leases'])} leases were ended, the old value is ${data['proof'] === 'probed' ? 'dead (tried)' : 'NOT PROVED to be dead'}`,
  ],
  'vault.sealed': (data) => [`${text(data['by'])} SEALED the vault: all sessions end, nothing is issued`],
  'vault.unsealed': (data) => [`${text(data['by'])} unsealed the vault`],
  'vault.rekeyed': (data) => [
    `${text(data['by'])} wrapped the keys of the vault anew${data['to'] === undefined ? '' : ` by ${text(data['to'])}`}`,
  ],
  'vault.refused': (data) => [
    `${text(data['by'])} was REFUSED ${refusedActs[text(data['act'])] ?? text(data['act'])}: ${text(data['detail'])}`,
  ],
  'vault.rotated': (data) => [
    data['state'] === 'begun'
      ? `${text(data['by'])} had a new key made for the vault`
      : `everything in the vault is sealed by key ${text(data['key'])}; older keys are retired`,
  ],
  'secret.moved': (data) => [
    `${text(data['by'])} renamed secret "${text(data['secret'])}" to "${text(data['to'])}"${thoughNeeded(data)}`,
  ],
  'oidc.rotated': (data) => [
    `${data['by'] === undefined ? 'Mayfly, on schedule,' : text(data['by'])} made key ${text(data['key'])} (${text(data['alg'])}) for ${text(data['use'])} tokens; ${data['reason'] === 'compromised' ? `WITHDRAWN: ${list(data['withdrawn'] ?? [data['replaces']])}` : `it signs from ${text(data['signs_from'])}`}`,
  ],
}

function thoughNeeded({ neededBy }: Data): string {
  return Array.isArray(neededBy) && neededBy.length > 0 ? `, though ${list(neededBy)} needed it` : ''
}

const refusedActs: Readonly<Record<string, string>> = {
  'vault.sealed': 'sealing the vault',
  'vault.unsealed': 'opening the vault',
  'vault.rekeyed': 'wrapping the keys of the vault anew',
  'vault.rotated': 'a new key for the vault',
}

function secretsOf(data: Data): string {
  const secrets = (data['secrets'] ?? []) as Data[]
  return secrets
    .map((one) =>
      one['secret'] === undefined
        ? `the credential of connection "${text(one['connection'])}"`
        : `secret "${text(one['secret'])}", version ${text(one['version'])}`,
    )
    .join(', ')
}
