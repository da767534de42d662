import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The licences of the packages that these bundled files are of: whoever gives their code on gives these texts on, too. */
export function licencesOf(files: readonly string[]): string {
  const packages = new Set(files.flatMap((file) => packageOf(file) ?? []))
  return [...packages]
    .toSorted()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`)
}

function packageOf(file: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0]
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: string
  }
  const texts = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
  return [
    `${name} ${version}, ${license ?? 'no licence named'}`,
    ...texts.map((file) => readFileSync(join(folder, file), 'utf8')),
  ].join('\n\n')
}
