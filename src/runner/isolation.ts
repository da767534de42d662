import { isAtLeast, isolationOf, MayflyError, type Engine } from '../lib/index.ts'
import { findEngine, isolationAdvice, type Probe } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

/** In a container; the image is named as its step does, and by its digest. */
export interface ByEngine {
  readonly tier: 'B'
  readonly engine: Engine
  readonly image: string
  readonly digest: string
}

/** In a sandbox as the probe found it. */
export type ByBubblewrap = Exclude<Probe, { tier: 'none' }>

/** How one step runs; E: in no sandbox. */
export type Chosen = ByBubblewrap | ByEngine | { readonly tier: 'E' }

/**
 * How this step runs: as well isolated as this machine can. Throws `isolation_unavailable` if that is less than its role asks
 * for: nothing runs less isolated than was asked for.
 */
export async function chooseTier(
  { probe, session }: Pick<StepDeps, 'probe' | 'session'>,
  request: StepRequest,
): Promise<Chosen> {
  const least = session.roles.find(({ name }) => name === request.role)?.isolation ?? 'namespace'
  const { isolation } = request
  if (isolation === 'none') return { tier: 'E' }
  if (isolation !== 'namespace') return await chooseEngine(isolation, request, least)
  if (probe.tier === 'none')
    throw unavailable(request, 'cannot be isolated', probe.why, 'ask for --isolation none')
  const has = isolationOf(probe.tier)
  if (isAtLeast(has, least)) return probe
  const why = probe.tier === 'C' ? probe.why : ''
  throw unavailable(request, `can only be isolated as "${has}" here`, why, `put \`isolation: ${has}\` there`)
}

/** None that an engine would read as an option. */
const imageName = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,254}$/

async function chooseEngine(engine: Engine, request: StepRequest, least: string): Promise<ByEngine> {
  const { name, role, image } = request
  if (!isAtLeast('container', least))
    throw new MayflyError(
      'isolation_unavailable',
      `step "${name}": role "${role}" needs isolation "${least}", and ${engine} is "container": put \`isolation: container\` there, or leave isolation: ${engine} out`,
    )
  if (image === undefined || !imageName.test(image))
    throw new MayflyError('bad_input', `step "${name}": say which image ${engine} is to run: --image NAME`)
  return { tier: 'B', engine, image, digest: await findEngine(engine).digestOf(image) }
}

function unavailable({ name, role }: StepRequest, what: string, why: string, or: string): MayflyError {
  return new MayflyError(
    'isolation_unavailable',
    `step "${name}" ${what}: ${why}: ${isolationAdvice(why)}; or, if role "${role}" allows it, ${or}`,
  )
}
