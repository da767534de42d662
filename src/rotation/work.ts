import { MayflyError, messageOf, type Secret } from '../lib/index.ts'
import { rotationSchema, type RotationConfig, type RotatorConfig } from '../config/index.ts'
import type { Vault } from '../vault/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import type { Row } from './records.ts'
import type { Plain, Probed, Rotator, Version, Work } from './rotator.ts'
import { rotatorNamed } from './rotators.ts'

type JobRow = Pick<
  Row,
  'id' | 'secret' | 'rotator' | 'config' | 'from_version' | 'to_version' | 'plan' | 'handle' | 'old_handle'
>

export interface Job {
  readonly rotator: Rotator
  readonly rotation: RotationConfig
  readonly work: Work
  readonly inPlace: boolean
}

/** What a rotator is told of a row. Opens both values, where they are there. */
export async function jobOf(row: JobRow, { vault }: Pick<MachineDeps, 'vault'>): Promise<Job> {
  const rotation = rotationSchema.parse(JSON.parse(row.config))
  const rotator = rotatorNamed(row.rotator)
  const config = Object.values(rotation.by)[0] as RotatorConfig<Rotator['name']>
  const value = async (version: number | null) => {
    if (version === null) return undefined
    return await valueOf(vault, row.secret, { version })
  }
  const work: Work = {
    secret: row.secret,
    name: `mayfly-${row.secret.replaceAll(/[^a-z0-9]+/g, '-').slice(0, 30)}-${row.id.slice('rot_'.length)}`,
    config,
    plan: plainOf(row.plan) ?? null,
    old: { which: 'old', value: await value(row.from_version), handle: plainOf(row.old_handle) },
    new: { which: 'new', value: await value(row.to_version), handle: plainOf(row.handle) },
  }
  return { rotator, rotation, work, inPlace: rotator.inPlace(config) }
}

/** Somebody may have deleted or destroyed it meanwhile: then undefined, and what can be ended without it is. */
export async function valueOf(
  vault: Pick<Vault, 'open'>,
  secret: string,
  use: { version?: number } = {},
): Promise<Secret | undefined> {
  return await vault.open(secret, use).catch((error: unknown) => {
    if (error instanceof MayflyError && error.code === 'secret_missing') return undefined
    throw error
  })
}

/** What a probe says, or why nobody can tell. */
export async function probeOf(
  job: Job,
  one: Version,
  deps: MachineDeps,
): Promise<Probed | { unknown: string }> {
  if (one.value === undefined) return { unknown: 'its value is not known' }
  try {
    return await inTime(job.rotator.probe(job.work, one, deps.tools))
  } catch (error) {
    return { unknown: messageOf(error) }
  }
}

/** White space around it is no other value: what uses it cuts it off. */
export function isSame(a: Secret | undefined, b: Secret | undefined): boolean {
  return a !== undefined && b !== undefined && a.reveal().trim() === b.reveal().trim()
}

const actMs = 120_000

/** No act outlasts the claim under which it is done. */
export async function inTime<T>(act: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new MayflyError('upstream_unreachable', `it took longer than ${actMs / 1000} s`)),
      actMs,
    )
    timer.unref()
  })
  try {
    return await Promise.race([act, late])
  } finally {
    clearTimeout(timer)
  }
}

function plainOf(text: string | null): Plain | undefined {
  return text === null ? undefined : (JSON.parse(text) as Plain)
}
