import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { World } from '../../attest/verify/world.fixture.ts'

interface Served {
  serve: readonly string[]
  /** There is always a next page. */
  endless: boolean
  /** Something is signed later. */
  pending: boolean
  /** Else it hands out all, whatever it is asked for, as attestations of `stp_a`. */
  honest: boolean
}

/** A folder with the root of a world, and a server of attestations that answers what a test tells it to. */
export async function openServer(t: TestContext, world: World, serve: readonly string[]) {
  const list: Served = { serve, endless: false, pending: false, honest: true }
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  const http = createServer((request, response) => {
    const asked = new URL(request.url ?? '', 'http://x').searchParams.get('step')
    const answer = {
      attestations: list.serve
        .map((bundle) => ({
          ...{ bundle: JSON.parse(bundle) as object, kind: 'provenance', run: 'run_a' },
          step: list.honest ? stepOf(bundle) : 'stp_a',
        }))
        .filter(({ step }) => !list.honest || asked === null || step === asked),
      ...(list.endless ? { next: 'att_1' } : {}),
      ...(list.pending ? { pending: true } : {}),
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  }).listen(0, '127.0.0.1')
  await new Promise((ready) => http.once('listening', ready))
  t.after(() => {
    http.close().closeAllConnections()
    rmSync(folder, { recursive: true })
  })
  const trustedRoot = join(folder, 'root.json')
  writeFileSync(trustedRoot, JSON.stringify(world.trustedRoot))
  const server = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return { folder, list, options: { trustedRoot, server } }
}

function stepOf(bundle: string): string | undefined {
  const { dsseEnvelope } = JSON.parse(bundle) as { dsseEnvelope: { payload: string } }
  return /"stepId":"(stp_.)"/.exec(Buffer.from(dsseEnvelope.payload, 'base64').toString())?.[1]
}
