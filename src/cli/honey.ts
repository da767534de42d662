import { text } from 'node:stream/consumers'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'

interface Planted {
  run: string
  step: string
  name: string
  role: string
  place: string
}

export async function identify(options: { server?: string; json: boolean }): Promise<number> {
  const found = (await text(process.stdin)).trim()
  if (found === '')
    throw new MayflyError(
      'bad_input',
      'write what was found to standard input: mayfly honey identify < FOUND',
    )
  const result = await createOperatorApi(options).call<{ planted: Planted[] }>('POST', '/v1/honey/identify', {
    text: found,
  })
  const lines = result.planted.map(
    ({ run, step, name, role, place }) =>
      `planted in run ${run}, step "${name}" (${step}, role ${role}), ${place}: mayfly audit show --run ${run}`,
  )
  print(options.json, result, lines.length === 0 ? ['planted nowhere here'] : lines)
  return lines.length === 0 ? exitCodes.refused : exitCodes.ok
}
