import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Stage } from '../../demo/stage.ts'
import { parseTrustedRoot, predicateWords, verifyBundle } from '../../src/attest/verify/index.ts'
import type { BundleJson } from '../../src/attest/verify/shapes.fixture.ts'
import type { Case, Material } from './case.ts'

const artifact = 'app.tgz'

interface Made {
  readonly provenance: Material
  readonly sums: Material
  readonly envelope: Material
  readonly summary: Material
  readonly summaryEnvelope: Material
  /** With what the server says is trusted once the CA was taken back. */
  readonly revokedNow: string
  readonly revokedBefore: string
}

/** What `mayfly run` writes of a step against `mayfly up`, and what is left of it once the CA’s key was revoked. */
export function upCases(): readonly Case[] {
  let made: Promise<Made> | undefined
  const one = (
    name: string,
    isGood: boolean,
    materialOf: (from: Made) => Material,
    format: Case['format'] = 'statement',
  ): Case => ({
    ...{ name: name.startsWith('mayfly ') ? name : `mayfly run: ${name}`, format, isGood, isSlow: true },
    by: format === 'envelope' ? 'key' : 'certificate',
    async make() {
      made ??= makeAll()
      return materialOf(await made)
    },
  })
  return [
    one('provenance of a file', true, ({ provenance }) => provenance),
    one('SHA256SUMS', true, ({ sums }) => sums, 'file'),
    one('provenance as a plain envelope', true, ({ envelope }) => envelope, 'envelope'),
    one('provenance of another file', false, ({ provenance, sums }) => ({
      ...provenance,
      artifact: sums.artifact,
    })),
    one(
      'SHA256SUMS of another step',
      false,
      ({ provenance, sums }) => ({ ...sums, artifact: provenance.artifact }),
      'file',
    ),
    one('mayfly verify --vsa: a verification summary', true, ({ summary }) => summary),
    one('mayfly verify --vsa: a verification summary of another file', false, ({ summary, sums }) => ({
      ...summary,
      artifact: sums.artifact,
    })),
    one(
      'mayfly verify --vsa: a verification summary as a plain envelope',
      true,
      ({ summaryEnvelope }) => summaryEnvelope,
      'envelope',
    ),
    one('provenance, and the CA was revoked later', true, ({ provenance, revokedNow }) => ({
      ...provenance,
      trustedRoot: revokedNow,
    })),
    one('provenance, and the CA was revoked before', false, ({ provenance, revokedBefore }) => ({
      ...provenance,
      trustedRoot: revokedBefore,
    })),
  ]
}

async function makeAll(): Promise<Made> {
  await using stage = await setStage()
  const beforeMs = Date.now() - 60_000
  const command = ['sh', '-c', `printf app > ${artifact}`]
  const args = [
    'run',
    '--role',
    'build',
    '--artifact',
    artifact,
    '--attestations',
    'attested',
    '--',
    ...command,
  ]
  const ran = await stage.runJob(args, stage.jobEnvironment())
  if (ran.exitCode !== 0) throw new Error(ran.stderr)
  const file = (name: string) => readFileSync(join(stage.workspace, 'attested', name))
  const text = file(`${artifact}.sigstore.json`).toString()
  const trustedRoot = await rootOf(stage)
  const said = verifyBundle(text, parseTrustedRoot(trustedRoot))
  if (!said.ok || said.signer.kind !== 'certificate') throw new Error(JSON.stringify(said))
  const { identity } = said.signer
  const of = (bundle: string, about: Buffer): Material => ({
    ...{ text: bundle, trustedRoot, artifact: about, identity, isPromised: false },
  })
  const provenance = of(text, readFileSync(join(stage.workspace, artifact)))
  const summary = await summaryOf(stage, provenance)
  return {
    ...{ provenance, summary },
    summaryEnvelope: {
      ...summary,
      text: JSON.stringify((JSON.parse(summary.text) as BundleJson).dsseEnvelope),
      publicKey: keyOf(summary.text),
    },
    sums: of(file('SHA256SUMS.sigstore.json').toString(), file('SHA256SUMS')),
    envelope: {
      ...provenance,
      text: file('provenance.intoto.jsonl').toString().split('\n')[0] ?? '',
      publicKey: keyOf(text),
    },
    revokedNow: await revoked(stage),
    revokedBefore: await revoked(stage, ['--from', new Date(beforeMs).toISOString()]),
  }
}

/** What the server signs of having verified it by itself. */
async function summaryOf(stage: Stage, about: Material): Promise<Material> {
  const file = join(stage.workspace, 'app.vsa.sigstore.json')
  const args = [
    'verify',
    join(stage.workspace, artifact),
    '--attestations',
    join(stage.workspace, 'attested'),
  ]
  const { exitCode, stderr } = await stage.operate([
    ...args,
    '--require',
    'role=build',
    '--server',
    stage.server,
    '--vsa',
    file,
  ])
  if (exitCode !== 0) throw new Error(stderr)
  const identity = { san: `${stage.server}/verifier`, issuer: stage.server }
  return { ...about, text: readFileSync(file, 'utf8'), identity, predicateType: predicateWords['vsa'] ?? '' }
}

async function rootOf({ server }: Stage): Promise<string> {
  return (await fetch(`${server}/.well-known/mayfly/trusted-root.json`)).text()
}

/** As the whole root is after it: what a key signed before stays good unless it was in wrong hands already. */
async function revoked(stage: Stage, from: readonly string[] = []): Promise<string> {
  const { stdout } = await stage.operate(['attest', 'root', 'show', '--json'])
  const [authority] = (JSON.parse(stdout) as { authorities: { key: string }[] }).authorities
  const args = ['attest', 'root', 'revoke', authority?.key ?? '', '--yes', '--reason', 'a test', ...from]
  const { exitCode, stderr } = await stage.operate(args)
  if (exitCode !== 0) throw new Error(stderr)
  return rootOf(stage)
}

/** Of the certificate: whoever has the bundle can check the plain envelope by it, too. */
function keyOf(bundle: string): string {
  const { certificate } = (JSON.parse(bundle) as BundleJson).verificationMaterial
  const { publicKey } = new X509Certificate(Buffer.from(certificate?.rawBytes ?? '', 'base64'))
  return publicKey.export({ type: 'spki', format: 'pem' })
}
