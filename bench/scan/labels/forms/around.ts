import { base64Text, camel, jsonText, kebab, people, snake } from '../words.ts'
import type { Random } from '../random.ts'
import { form, type Entry, type Form } from './form.ts'

const time = (random: Random): string =>
  `2026-0${random.between(1, 9)}-${random.between(10, 28)}T0${random.below(10)}:${random.between(10, 59)}:${random.between(10, 59)}.${random.between(100, 999)}Z`

/** Scripts, logs, notes and what else people leave values in. */
export const around: readonly Form[] = [
  form('shell', {
    path: 'scripts/{service}.sh',
    head: '#!/usr/bin/env bash\nset -euo pipefail\n\n',
    line: (one, random) => `export ${one.called}=${random.chance(0.5) ? `'${one.put()}'` : `"${one.put()}"`}`,
    tail: '\n\nexec ./bin/start "$@"\n',
  }),
  form('dockerfile', {
    path: '{service}/Dockerfile',
    head: 'FROM node:22-slim\nWORKDIR /app\nCOPY . .\n',
    line: (one, random) =>
      random.chance(0.6) ? `ENV ${one.called}=${one.put()}` : `ARG ${one.called}="${one.put()}"`,
    tail: '\nCMD ["node", "server.js"]\n',
  }),
  form('kubernetes-secret', {
    path: 'k8s/{service}-secret.yaml',
    head: 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: {service}\ntype: Opaque\ndata:\n',
    line: (one) => `  ${one.called}: ${one.put(base64Text)}`,
    secretsOnly: true,
  }),
  form('kubernetes-string-data', {
    path: 'k8s/{service}-secret-plain.yaml',
    head: 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: {service}\nstringData:\n',
    line: (one) => `  ${kebab(one.called)}: "${one.put(jsonText)}"`,
    secretsOnly: true,
  }),
  form('curl', {
    path: 'docs/{service}-calls.sh',
    head: '#!/bin/sh\n',
    line: (one, random) =>
      `curl -sS -X ${random.pick(['GET', 'POST'])} "https://api.northwind.io/v2/${random.pick(people)}" -H "X-${kebab(one.called)}: ${one.put()}"`,
  }),
  form('query', {
    path: 'notes/{service}-urls.txt',
    line: (one, random) =>
      `https://api.northwind.io/v1/${random.pick(people)}?page=2&${snake(one.called)}=${one.put(encodeURIComponent)}&sort=asc`,
  }),
  form('notebook', {
    path: 'notebooks/{service}.ipynb',
    head: '{\n "cells": [\n  {\n   "cell_type": "code",\n   "execution_count": 3,\n   "metadata": {},\n   "outputs": [],\n   "source": [\n    "import os\\n",\n',
    line: (one) => `    ${JSON.stringify(`${snake(one.called)} = "${one.put(jsonText)}"\n`)}`,
    between: ',\n',
    tail: '\n   ]\n  }\n ],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n',
  }),
  form('sql', {
    path: 'db/seed/{service}.sql',
    head: 'BEGIN;\nDELETE FROM settings;\n',
    line: (one) => `INSERT INTO settings (name, value) VALUES ('${snake(one.called)}', '${one.put()}');`,
    tail: '\nCOMMIT;\n',
  }),
  form('log', {
    path: 'logs/{service}.log',
    line: (one, random) =>
      `${time(random)} ${random.pick(['DEBUG', 'INFO'])} [main] loaded setting ${snake(one.called)}=${one.put()} from environment`,
  }),
  form('log-json', {
    path: 'logs/{service}.ndjson',
    line: (one, random) =>
      `{"time":"${time(random)}","level":"debug","msg":"config","${camel(one.called)}":"${one.put(jsonText)}"}`,
  }),
  form('utf16', {
    path: 'deploy/{service}.ps1',
    head: '# {service}\r\n$ErrorActionPreference = "Stop"\r\n',
    line: (one) => `$env:${one.called} = "${one.put()}"`,
    between: '\r\n',
    tail: '\r\n',
    utf16: true,
  }),
  form('powershell', {
    path: 'deploy/{service}-setup.ps1',
    line: (one) => `$${camel(one.called)} = '${one.put()}'`,
  }),
  form('markdown', {
    path: 'docs/{service}.md',
    head: '# Deploying {service}\n\nOn the build machine set\n\n```sh\n',
    line: (one) => `export ${one.called}=${one.put()}`,
    tail: '\n```\n\nand start it again.\n',
  }),
  form('commented', {
    path: 'src/{service}/index.js',
    head: 'import { start } from "./start.js"\n\n',
    line: (one) => `// ${one.called}: ${one.put()}`,
    tail: '\nstart()\n',
  }),
  form('patch', {
    path: 'patches/{service}.diff',
    head: 'diff --git a/app.env b/app.env\n--- a/app.env\n+++ b/app.env\n@@ -1,3 +1,9 @@\n NODE_ENV=production\n',
    line: (one) => `+${one.called}=${one.put()}`,
  }),
  form('html', {
    path: 'public/{service}.html',
    head: '<!doctype html>\n<html>\n<head>\n<script>\nwindow.settings = {\n',
    line: (one) => `  ${camel(one.called)}: '${one.put(jsonText)}',`,
    tail: '\n}\n</script>\n</head>\n<body></body>\n</html>\n',
  }),
  form('csv', {
    path: 'export/{service}.csv',
    head: 'name,value,owner\n',
    line: (one, random) => `${snake(one.called)},${one.put()},${random.pick(people)}`,
  }),
  form('systemd', {
    path: 'etc/systemd/{service}.service',
    head: '[Unit]\nDescription={service}\n\n[Service]\nExecStart=/usr/bin/{service}\n',
    line: (one) => `Environment="${one.called}=${one.put()}"`,
    tail: '\nRestart=always\n',
  }),
  argument(),
]

/** Options of a command, one a line. */
function argument(): Form {
  return form('arguments', {
    path: 'bin/run-{service}.sh',
    head: '#!/bin/sh\nexec /opt/{service}/bin/server \\\n',
    line: (one: Entry) =>
      `  --${kebab(one.called)}=${one.put((value) => (/^[\w./-]+$/.test(value) ? value : `'${value}'`))} \\`,
    tail: '\n  --verbose\n',
  })
}
