import { createHash } from 'node:crypto'
import type { HandedBundle } from '../api-facts.ts'

/** What the server signed about one step, read. */
export interface Handed {
  /** Bundles, as JSON. */
  readonly provenance?: string
  readonly sbom?: string
  /** What `sha256sum` prints of the artifacts, and the bundle about these bytes. */
  readonly sums?: { readonly text: string; readonly bundle: string }
  /** What the provenance is about. */
  readonly about: { readonly artifacts: number; readonly digest?: string }
}

/** What the server answered is not checked here: who relies on it verifies it. */
export function readHanded(bundles: readonly HandedBundle[]): Handed {
  const of = (kind: HandedBundle['kind']) => bundles.find((one) => one.kind === kind)
  const [provenance, sbom, sums] = [of('provenance'), of('sbom'), of('sums')]
  const isAbout = sums?.text !== undefined && digestIn(sums.bundle) === sha256(sums.text)
  return {
    ...(provenance === undefined ? {} : { provenance: provenance.bundle }),
    ...(sbom === undefined ? {} : { sbom: sbom.bundle }),
    ...(isAbout ? { sums: { text: sums.text, bundle: sums.bundle } } : {}),
    about: provenance === undefined ? { artifacts: 0 } : subjectsOf(provenance.bundle),
  }
}

interface Bundle {
  readonly dsseEnvelope?: { readonly payload?: string }
  readonly messageSignature?: { readonly messageDigest?: { readonly digest?: string } }
}

function subjectsOf(bundle: string): Handed['about'] {
  const { payload = '' } = (JSON.parse(bundle) as Bundle).dsseEnvelope ?? {}
  const { subject = [] } = JSON.parse(Buffer.from(payload, 'base64').toString()) as {
    subject?: readonly { readonly digest?: { readonly sha256?: string } }[]
  }
  const first = subject[0]?.digest?.sha256
  return { artifacts: subject.length, ...(first === undefined ? {} : { digest: `sha256:${first}` }) }
}

/** In base64, as bundles have it. */
function digestIn(bundle: string): string | undefined {
  return (JSON.parse(bundle) as Bundle).messageSignature?.messageDigest?.digest
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}
