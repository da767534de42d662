import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { rotationSchema } from '../../config/index.ts'
import { createHttpClient } from '../../http-client/index.ts'
import { Secret, systemClock } from '../../lib/index.ts'
import { httpRotator } from './http.ts'

test('a value is dead by the API’s 401 or 403 only where nothing else was shown that may be what is refused', async (t) => {
  let status = 200
  const server = createServer((_request, response) => response.writeHead(status).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tools = {
    clock: systemClock,
    http: createHttpClient(),
    runCommand: () => Promise.reject(new Error('no program is run')),
    openSecret: async () => new Secret('of the admin'),
  }
  const said = async (headers: Record<string, string>) => {
    const { by } = rotationSchema.parse({
      every: '30d',
      by: {
        http: {
          secrets: { admin: 'secret:admin' },
          create: { method: 'POST', url, headers: { 'x-admin': '{secret.admin}' } },
          extract: { value: '$.value' },
          probe: { method: 'GET', url, headers },
        },
      },
    })
    assert.ok('http' in by)
    const old = { which: 'old', value: new Secret('a-value'), handle: undefined } as const
    const work = { secret: 'api', name: 'rot-1', config: by.http, plan: null, old, new: old }
    return await httpRotator.probe({ ...work, new: { ...old, which: 'new' } }, old, tools)
  }
  const alone = { authorization: 'Bearer {value}' }
  const beside = { ...alone, 'x-admin': '{secret.admin}' }
  assert.deepEqual([await said(alone), await said(beside)], ['alive', 'alive'])
  for (status of [401, 403]) assert.deepEqual([await said(alone), await said(beside)], ['dead', 'unknown'])
})
