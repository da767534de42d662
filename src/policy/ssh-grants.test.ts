import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGrant } from './grant.ts'

test('a grant of SSH that no request could match is told when it is read, and how it is written', () => {
  const kinds = new Map([['web', 'ssh']])
  const read = (grant: string) => parseGrant(grant, kinds)
  for (const grant of [
    ...['ssh:exec web/deploy/systemctl restart app', 'ssh:exec web/deploy/*', 'ssh:exec web/*/uptime'],
    ...[
      'ssh:exec web/*',
      "ssh:exec web/git/git-upload-pack '/octo/app.git'",
      'ssh:script web/deploy/cat x | wc',
    ],
    ...[
      'ssh:script web/deploy//bin/sh -c *',
      'ssh:shell web/deploy',
      'ssh:shell web/*',
      'ssh:read web/deploy/*',
    ],
    ...[
      'ssh:write web/deploy/srv/www/*',
      'ssh:write web/deploy/srv/www/',
      'ssh:read web/deploy/srv/..data/x',
    ],
    ...['ssh:forward web/deploy/db:5432', 'ssh:forward web/deploy/*', 'ssh:forward web/deploy/*:22'],
    ...['ssh:forward web/*/10.0.0.*:5432', 'ssh:read web/deploy/var/log/*.log'],
  ])
    assert.notEqual(typeof read(grant), 'string', String(read(grant)))
  for (const [grant, says] of [
    ['ssh:exec web/hostname', /USER\/COMMAND/],
    ['ssh:exec web/deploy/cat /etc/hosts | wc', /for ssh:script/],
    ['ssh:exec web/deploy/echo $HOME', /for ssh:script/],
    ['ssh:shell web/deploy/bash', /USER alone/],
    ['ssh:write web/deploy/../www/*', /without \. or \.\./],
    ['ssh:read web/deploy', /absolute path/],
    ['ssh:forward web/deploy/db', /HOST:PORT/],
  ] as const) {
    const refusal = read(grant)
    assert.ok(typeof refusal === 'string', grant)
    assert.match(refusal, /could never match/)
    assert.match(refusal, says)
  }
})
