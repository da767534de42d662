import { messageOf } from '../lib/index.ts'
import type { RotationConfig } from '../config/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { rotatorNamed } from './rotators.ts'
import { inTime, jobOf, probeOf, type Job } from './work.ts'

export interface DryRun {
  readonly rotator: string
  readonly tells: string
  /** `alive`, `dead`, or `unknown` with what is in the way. */
  readonly probe: string
  /** Why no rotation could be begun; null: nothing is known of that would hinder it. */
  readonly hindered: string | null
  readonly window: string | null
}

interface Looked {
  readonly secret: string
  readonly version: number
  readonly rotation: RotationConfig
  /** JSON: what ends this version. */
  readonly oldHandle: string | null
}

/** What a rotation would do: the value in use is probed, and it is planned as it would be, with the admin's secret. */
export async function tryOut(looked: Looked, deps: MachineDeps): Promise<DryRun> {
  const { rotation } = looked
  const [rotator = ''] = Object.keys(rotation.by)
  const { tells } = rotatorNamed(rotator)
  const probe = await probeVersion(looked, deps)
  return { rotator, tells, probe, hindered: await hindrance(looked, deps), window: rotation.window ?? null }
}

/** As a rotation would look at it; nothing is begun. */
export async function probeVersion(looked: Looked, deps: MachineDeps): Promise<string> {
  const job = await jobFor(looked, deps)
  const probed = await probeOf(job, job.work.old, deps)
  return typeof probed === 'string' ? probed : `unknown: ${probed.unknown}`
}

async function hindrance(looked: Looked, deps: MachineDeps): Promise<string | null> {
  try {
    const { rotator, work } = await jobFor(looked, deps)
    if (rotator.byPerson !== undefined) return null
    await inTime(rotator.plan(work, deps.tools))
    await (rotator.tryOut === undefined ? undefined : inTime(rotator.tryOut(work, deps.tools)))
    return null
  } catch (error) {
    return messageOf(error)
  }
}

function jobFor({ secret, version, rotation, oldHandle }: Looked, deps: MachineDeps): Promise<Job> {
  const [rotator = ''] = Object.keys(rotation.by)
  const row = {
    id: 'rot_look',
    secret,
    rotator,
    config: JSON.stringify(rotation),
    from_version: version,
    to_version: null,
    plan: null,
    handle: null,
    old_handle: oldHandle,
  }
  return jobOf(row, deps)
}
