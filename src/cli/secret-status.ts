import { createOperatorApi } from './operator-api.ts'
import { exitCodes, print, table } from './output.ts'
import type { RotationAnswer } from './secret-rotate.ts'

interface StatusAnswer {
  secret: string
  owner: string | null
  version: number | null
  made: string | null
  rotator: string | null
  rotated: string | null
  next: string | null
  late_at: string | null
  late: boolean
  compromised: boolean
  rotation: RotationAnswer | null
  last_use: { at: string; run: string; role: string; step: string } | null
}

/** How secrets stand that are rotated, or all, late ones first. With --check the exit code says whether one is late. */
export async function secretStatus(
  name: string | undefined,
  options: { server?: string; json: boolean; check: boolean; all: boolean },
): Promise<number> {
  const api = createOperatorApi(options)
  const secrets =
    name === undefined
      ? (await api.call<{ secrets: StatusAnswer[] }>('GET', `/v1/rotations${options.all ? '?all=true' : ''}`))
          .secrets
      : [await api.call<StatusAnswer>('GET', `/v1/rotations/${encodeURIComponent(name)}`)]
  print(options.json, { secrets }, linesOf(secrets))
  return options.check && secrets.some(({ late }) => late) ? exitCodes.unavailable : exitCodes.ok
}

function linesOf(secrets: readonly StatusAnswer[]): string[] {
  if (secrets.length === 0)
    return [
      'no secret is rotated: say how under secrets.NAME.rotation in mayfly.yaml (--all shows the others)',
    ]
  const rows = secrets.map((one) => [
    one.secret,
    one.made === null ? 'no value' : ageOf(one.made),
    minuteOf(one.rotated),
    one.late ? `LATE since ${minuteOf(one.late_at)}` : minuteOf(one.next),
    stateOf(one),
    one.last_use === null
      ? '-'
      : `${one.last_use.run} ${one.last_use.role}/${one.last_use.step} ${minuteOf(one.last_use.at)}`,
  ])
  const failures = secrets.flatMap(({ secret, rotation }) =>
    rotation === null || rotation.failure === null ? [] : [`${secret}: ${rotation.failure}`],
  )
  return [...table([['NAME', 'AGE', 'ROTATED', 'NEXT', 'STATE', 'LAST USED BY'], ...rows]), ...failures]
}

function stateOf({ compromised, rotator, rotation }: StatusAnswer): string {
  if (compromised) return 'COMPROMISED'
  return rotator === null ? 'not rotated' : (rotation?.state ?? '-')
}

function ageOf(made: string): string {
  const hours = Math.max(0, Math.floor((Date.now() - Date.parse(made)) / 3_600_000))
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

function minuteOf(time: string | null): string {
  return time === null ? '-' : `${time.slice(0, 16)}Z`
}
