import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { visible } from './story.ts'

interface Listed {
  readonly keys: readonly {
    readonly key: string
    readonly use: 'ca' | 'signing'
    readonly state: string
    readonly at: string
    readonly signs_from: string
    readonly ends?: string
  }[]
}

/** `mayfly attest keys`. */
export async function listAttestKeys(options: { server?: string; json: boolean }): Promise<void> {
  const listed = await createOperatorApi(options).call<Listed>('GET', '/v1/attest/keys')
  const rows = listed.keys.map(({ key, use, state, at, signs_from, ends }) => [
    ...[key.slice(0, 16), use === 'ca' ? 'certificates' : 'statements', state, signs_from, ends ?? '', at],
  ])
  print(
    options.json,
    listed,
    table([['KEY', 'SIGNS', 'STATE', 'SINCE', 'ENDS', 'WHERE'], ...rows]).map(visible),
  )
}
