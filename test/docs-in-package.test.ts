import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const project = resolve(import.meta.dirname, '..')
const { files, scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
  files: string[]
  scripts: Record<string, string>
}
const pages = [
  ...readdirSync(join(project, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ...files,
].filter((name) => name.endsWith('.md'))

const isPacked = (path: string) => files.some((one) => path === one || path.startsWith(`${one}/`))

/** Of the repository of whoever reads the page. */
const ofReaders = new Set(['docs/pipelines.md: scripts/report.sh', 'docs/pipelines.md: npm run lint'])

/** Wherever they stand: behind a program, in a block, in a sentence. */
function pathsIn(text: string): string[] {
  const found = text.matchAll(/(?<![\w./@:%{}-])(?:\.\/)?((?:test|src|bench|demo|scripts)\/[\w./*-]*)/g)
  return [...found].map(([, path = '']) => path.replace(/[./]+$/, ''))
}

function scriptsIn(text: string): string[] {
  const found = text.matchAll(/\bnpm run (?:--?[\w-]+ )*([\w:-]+)/g)
  return [...found].map(([, name = '']) => name).filter((name) => name in scripts)
}

/** Of `folder/*.test.ts` the folder. */
function isThere(path: string): boolean {
  return existsSync(join(project, path.includes('*') ? dirname(path) : path))
}

test('no page of the package links to what is not in it, and each that names something of the source tree says so', () => {
  const wrong: string[] = []
  for (const page of pages) {
    const text = readFileSync(join(project, page), 'utf8')
    for (const [, to = ''] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(to)) continue
      const path = relative(project, resolve(project, dirname(page), to))
      if (!isPacked(path) || !existsSync(join(project, path))) wrong.push(`${page}: links to ${path}`)
    }
    const paths = pathsIn(text).filter((path) => !ofReaders.has(`${page}: ${path}`))
    for (const path of paths) if (!isThere(path)) wrong.push(`${page}: names ${path}, which is not there`)
    const named = [
      ...scriptsIn(text).filter((name) => !ofReaders.has(`${page}: npm run ${name}`)),
      ...paths.filter((path) => !isPacked(path)),
    ]
    if (named.length > 0 && !/source\s+tree/.test(text))
      wrong.push(`${page}: names ${named[0]}, and does not say that it is in the source tree`)
  }
  assert.deepEqual(wrong, [])
})
