import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../src/app.js'
import { readConfig } from '../src/config.js'
import { openStore } from '../src/store.js'
import { createToken } from '../src/tokens.js'

export const START = new Date('2026-03-01T12:00:00.000Z')
export const alice = createToken('alice')

export async function temporaryFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'octo-links-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function createClock(start = START) {
  let time = start.getTime()
  const now = () => new Date(time)
  now.advance = (ms) => (time += ms)
  return now
}

export async function createTestApp(t, env = {}) {
  const dataFolder = await temporaryFolder(t)
  const config = readConfig({ LINKS_TOKENS: alice.entry, LINKS_PUBLIC_URL: 'https://go.example.com', ...env })
  const store = await openStore(dataFolder)
  const now = createClock()
  const app = await buildApp({ config, store, now })
  t.after(async () => {
    await app.close()
    await store.close()
  })
  const authorization = `Bearer ${alice.token}`
  const api = (method, url, payload) => app.inject({ method, url, payload, headers: { authorization } })
  return { app, api, authorization, store, now }
}

/** One request over a real socket. Not fetch: it may be told to use a proxy, and follows redirects. */
export function send(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, async (response) => {
      try {
        const text = (await response.setEncoding('utf8').toArray()).join('')
        resolve({ status: response.statusCode, headers: response.headers, text })
      } catch (error) {
        reject(error)
      }
    })
    request.on('error', reject)
    request.end(body)
  })
}
