import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi, type OperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'

interface Options {
  server?: string
  json: boolean
  now: boolean
  dryRun: boolean
  rollback: boolean
}

/** A rotation as the server tells of it. */
export interface RotationAnswer {
  id: string
  secret: string
  rotator: string
  state: string
  from: number
  to: number | null
  due: string
  failure: string | null
  proof: string | null
}

const looks = 60
const lookMs = 500

/** Waits until the new value is in use, or is not going to be; the old one dies later, when nobody has it any more. */
export async function rotateSecret(name: string, options: Options): Promise<number> {
  if (Number(options.now) + Number(options.dryRun) + Number(options.rollback) > 1)
    throw new MayflyError('bad_input', 'take one of --now, --dry-run and --rollback')
  const api = createOperatorApi(options)
  if (options.dryRun) return await dryRun(api, name, options)
  const begun = await api.call<RotationAnswer>(
    'POST',
    options.rollback ? `${pathOf(name)}/rollback` : pathOf(name),
    options.rollback ? undefined : { now: options.now },
  )
  const seen = await watch(api, name, begun)
  print(options.json, seen, [sentence(seen)])
  const isGood = options.rollback ? seen.state !== 'done' : !ends.has(seen.state) || seen.state === 'done'
  return isGood ? exitCodes.ok : exitCodes.refused
}

async function dryRun(api: OperatorApi, name: string, options: Options): Promise<number> {
  const told = await api.call<{ rotator: string; tells: string; probe: string; window: string | null }>(
    'POST',
    `${pathOf(name)}/dry-run`,
  )
  print(options.json, told, [
    `${told.rotator} ${told.tells}`,
    `the value in use: ${told.probe}`,
    ...(told.window === null ? [] : [`it begins between ${told.window} UTC, or --now`]),
    'nothing was changed',
  ])
  return told.probe === 'dead' ? exitCodes.refused : exitCodes.ok
}

const ends = new Set(['done', 'failed', 'rolled_back'])

async function watch(api: OperatorApi, name: string, begun: RotationAnswer): Promise<RotationAnswer> {
  let seen = begun
  for (let look = 0; look < looks; look++) {
    if (seen.id !== begun.id || ends.has(seen.state) || ['promoted', 'retiring'].includes(seen.state)) break
    // Its window is not open, or it is tried again later.
    if (Date.parse(seen.due) > Date.now() + looks * lookMs) break
    await pause(lookMs)
    seen = (await api.call<{ rotation: RotationAnswer | null }>('GET', pathOf(name))).rotation ?? seen
  }
  return seen
}

/** One line on how it stands. */
export function sentence({ secret, state, from, to, due, failure, proof }: RotationAnswer): string {
  const why = failure === null ? '' : `: ${failure}`
  switch (state) {
    case 'done':
      return `${secret} is rotated, version ${to}; version ${from} is ended (${proof})${why}`
    case 'promoted':
    case 'retiring':
      return `${secret} is rotated, version ${to} is in use; version ${from} is ended when no step has it any more${why}`
    case 'rolled_back':
    case 'failed':
      return `${secret} is not rotated, version ${from} stays in use${why}`
    case 'planned':
      return `${secret}: its rotation waits until ${due}${why}`
    case 'undoing':
      return `${secret}: version ${from} is in use, what was made is being ended${why}`
    default:
      return `${secret} is being rotated (${state})${why}`
  }
}

function pathOf(name: string): string {
  return `/v1/rotations/${encodeURIComponent(name)}`
}
