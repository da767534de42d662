import type { Handed } from './handed.ts'

export interface AttestationFile {
  readonly name: string
  readonly text: string
}

interface Named {
  readonly path: string
  /** In hex. */
  readonly sha256: string
}

/** With more artifacts there is one file for all. */
const maxSeparate = 100
/** Names of ours; an artifact that is called so gets another one. */
const own: ReadonlySet<string> = new Set(['provenance', 'sbom', 'sha256sums'])
const sums = 'SHA256SUMS'

/** The files that hold what was signed, none of them twice. */
export function attestationFiles(
  handed: Omit<Handed, 'about'>,
  artifacts: readonly Named[],
): AttestationFile[] {
  const { provenance, sbom, sums: summed } = handed
  const files: AttestationFile[] = []
  if (provenance !== undefined) {
    for (const name of bundleNames(artifacts)) files.push({ name, text: lineOf(provenance) })
    files.push({ name: 'provenance.intoto.jsonl', text: envelopeLine(provenance) })
  }
  if (sbom !== undefined) files.push({ name: 'sbom.sigstore.json', text: lineOf(sbom) })
  if (summed !== undefined)
    files.push(
      { name: sums, text: summed.text },
      { name: `${sums}.sigstore.json`, text: lineOf(summed.bundle) },
    )
  return files
}

/** All names that may be written for these artifacts: what a step put there under one of them is not ours. */
export function attestationNames(artifacts: readonly Named[]): string[] {
  const always = ['provenance.intoto.jsonl', 'sbom.sigstore.json', sums, `${sums}.sigstore.json`]
  return [...bundleNames(artifacts), ...always]
}

/** Does a file of an earlier run have such a name? */
export function isAttestationName(name: string): boolean {
  return /\.sigstore\.json$|\.intoto\.jsonl$|^SHA256SUMS$/.test(name)
}

function bundleNames(artifacts: readonly Named[]): string[] {
  if (artifacts.length === 0 || artifacts.length > maxSeparate) return ['provenance.sigstore.json']
  const baseNames = artifacts.map(({ path }) => folded(path.slice(path.lastIndexOf('/') + 1)))
  const count = (name: string) => baseNames.filter((one) => one === name).length
  const names = artifacts.map(({ path, sha256 }, i) => {
    const baseName = path.slice(path.lastIndexOf('/') + 1)
    const isPlain = /^[A-Za-z0-9_][\w.+@=,~-]{0,199}$/.test(baseName)
    const isAlone = count(baseNames[i] ?? '') === 1 && !own.has(baseNames[i] ?? '')
    return `${isPlain && isAlone ? baseName : `sha256-${sha256}`}.sigstore.json`
  })
  return [...new Set(names)]
}

/** Names that are one on a disk that knows no case are one here: where the files go later we do not know. */
function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

function lineOf(json: string): string {
  return json.endsWith('\n') ? json : `${json}\n`
}

/** The envelope of a bundle by itself (DSSE), in one line. */
function envelopeLine(bundle: string): string {
  const { dsseEnvelope } = JSON.parse(bundle) as { dsseEnvelope?: unknown }
  return `${JSON.stringify(dsseEnvelope)}\n`
}
