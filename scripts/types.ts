import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const entries = ['src/attest/verify/index.ts', 'src/audit/verify/index.ts', 'src/audit/verify/node.ts']
const options = [
  ...['--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--rootDir', 'src'],
  ...['--target', 'esnext', '--lib', 'esnext', '--module', 'nodenext', '--types', 'node'],
  ...['--strict', '--exactOptionalPropertyTypes', '--allowImportingTsExtensions', '--skipLibCheck'],
]

/** Writes the declarations of what the package exports, one file beside another as the sources are. */
export function writeTypes(folder: string): void {
  execFileSync('node_modules/.bin/tsc', [...options, '--outDir', folder, ...entries], { stdio: 'inherit' })
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue
    const path = join(folder, name)
    // Whoever uses them has no sources to find behind `./x.ts`.
    const text = readFileSync(path, 'utf8').replaceAll(/(from '[^']+|import\("[^"]+)\.ts(?=['"])/g, '$1.js')
    writeFileSync(path, text)
  }
}
