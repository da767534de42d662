import { formOf } from '../../lib/index.ts'
import type { Claims } from '../claims.ts'
import { numericId } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/**
 * Google Cloud Build, and everything else that has a metadata server: the token names a service account, not a build.
 * One issuer for everybody; `sub` is the account's unique id, its address may be made again.
 * Source: Google Cloud documentation, "Authorize service-to-service access" (Cloud Build) and "Verify VM identity".
 */
export const googleCloudBuild: Profile = {
  required: ['sub', 'email', 'email_verified'],
  claims: { subject: 'sub', actor: 'email', actor_id: 'sub', runner: 'google/compute_engine/instance_name' },
  run: { id: 'jti', job: 'google/compute_engine/instance_id' },
  pins: ['subject', 'actor_id', 'owner_id'],
  ids: { actor: 'actor_id', owner: 'owner_id' },
  // Unique ids of accounts have 21 digits.
  forms: {
    subject: formOf({
      rule: 'the unique id of a service account, a number',
      is: (text) => /^[0-9]{1,25}$/.test(text),
      fillers: ['1', ''],
    }),
    owner_id: numericId,
  },
  derived: ['owner', 'owner_id'],
  limits: { project_id: 'owner', project_number: 'owner_id' },
  derive: projectOf,
  refuse: refusal,
}

/** Nobody but the project itself can make addresses like these. */
const ofProject = /^[^@]+@([a-z][a-z0-9-]{4,28}[a-z0-9])\.iam\.gserviceaccount\.com$/
const defaultOfProject = /^([0-9]+)-compute@developer\.gserviceaccount\.com$/

function projectOf(claims: Claims) {
  const { email = '' } = claims
  const id = ofProject.exec(email)?.[1]
  const number = defaultOfProject.exec(email)?.[1]
  // The machine may stand in another project than its account does: only where it is the same does it add the rest.
  const machine = {
    id: claims['google/compute_engine/project_id'],
    number: claims['google/compute_engine/project_number'],
  }
  if (id !== undefined) return { owner: id, ...(machine.id === id ? ownerId(machine.number) : {}) }
  if (number === undefined) return {}
  const owner = machine.number === number && machine.id !== undefined ? { owner: machine.id } : {}
  return { ...ownerId(number), ...owner }
}

function ownerId(number: string | undefined) {
  return number === undefined ? {} : { owner_id: number }
}

function refusal({ email = '', email_verified: verified }: Claims): string | undefined {
  if (verified !== 'true') return 'its email is not verified'
  // Google signs tokens of people, too.
  return email.endsWith('.gserviceaccount.com') ? undefined : 'its email is no service account’s'
}
