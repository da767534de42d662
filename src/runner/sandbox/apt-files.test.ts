import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { aptSources } from './apt-files.ts'

test('of /etc/apt a step has the sources, and none with a password in it', (t) => {
  const etc = mkdtempSync(join(tmpdir(), 'mayfly-apt-'))
  t.after(() => rmSync(etc, { recursive: true, force: true }))
  for (const name of ['sources.list.d/folder.list', 'auth.conf.d'])
    mkdirSync(join(etc, name), { recursive: true })
  const files = {
    'sources.list': 'deb http://deb.example.com/debian stable main\n',
    'sources.list.d/own.sources': 'Types: deb\nURIs: https://deb.example.com/own\n',
    'sources.list.d/private.list': 'deb https://user:word@deb.example.com/private stable main\n',
    'sources.list.d/token.sources':
      'Types: deb\nURIs: https://deb.example.com/a\n https://token@deb.example.com/b\n',
    'sources.list.d/long.list': '#'.repeat(2_000_000),
    'sources.list.d/old.list.save': 'deb http://old.example.com/ stable main\n',
    'auth.conf': 'machine deb.example.com login user password word\n',
    'auth.conf.d/own.conf': 'machine deb.example.com login user password word\n',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(etc, name), text)
  const kept = ['sources.list', 'sources.list.d/own.sources'] as const
  assert.deepEqual(aptSources(etc), Object.fromEntries(kept.map((name) => [name, files[name]])))
  assert.deepEqual(aptSources(join(etc, 'gone')), {})
})
