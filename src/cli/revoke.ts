import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print } from './output.ts'

export async function revoke(options: {
  run?: string
  session?: string
  role?: string
  all?: true
  server?: string
  json: boolean
}): Promise<void> {
  const { run, session, role, all } = options
  const match = {
    ...(run === undefined ? {} : { run }),
    ...(session === undefined ? {} : { session }),
    ...(role === undefined ? {} : { role }),
    ...(all === undefined ? {} : { all }),
  }
  if (Object.keys(match).length === 0)
    throw new MayflyError('bad_input', 'say what: --run ID, --session ID, --role NAME, or --all')
  const result = await createOperatorApi(options).call<{ sessions: number }>('POST', '/v1/revoke', match)
  print(options.json, result, [`${result.sessions} session${result.sessions === 1 ? '' : 's'} ended`])
}
