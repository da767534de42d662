import { camel, jsonText, kebab, pascal, snake } from '../words.ts'
import { form, type Form } from './form.ts'

/** Sources in the languages that services are written in. */
export const code: readonly Form[] = [
  form('java', {
    path: 'src/main/java/io/northwind/{service}/Config.java',
    head: 'package io.northwind.{service};\n\npublic final class Config {\n\n    private Config() {}\n\n',
    line: (one) => `    private static final String ${one.called} = "${one.put(jsonText)}";`,
    tail: '\n\n    static boolean isProduction() {\n        return true;\n    }\n}\n',
  }),
  form('kotlin', {
    path: 'app/src/main/kotlin/{service}/Keys.kt',
    head: 'package io.northwind.{service}\n\nobject Keys {\n',
    line: (one) => `    const val ${one.called} = "${one.put(jsonText)}"`,
    tail: '\n}\n',
  }),
  form('python', {
    path: '{service}/settings.py',
    head: 'import logging\n\nlog = logging.getLogger(__name__)\n\n',
    line: (one, random) =>
      `${random.chance(0.5) ? one.called : snake(one.called)} = ${random.chance(0.5) ? `"${one.put(jsonText)}"` : `'${one.put(jsonText)}'`}`,
  }),
  form('python-call', {
    path: '{service}/client.py',
    head: 'import requests\n\nfrom .http import Client\n\n\ndef connect():\n    return Client(\n        timeout=30,\n',
    line: (one) => `        ${snake(one.called)}="${one.put(jsonText)}",`,
    tail: '\n    )\n',
  }),
  form('javascript', {
    path: 'src/{service}/client.js',
    head: "const { createClient } = require('./http')\n\n",
    line: (one) => `const ${camel(one.called)} = '${one.put(jsonText)}'`,
    tail: '\n\nmodule.exports = { createClient }\n',
  }),
  form('typescript-object', {
    path: 'src/{service}/config.ts',
    head: 'export const config = {\n  retries: 3,\n',
    line: (one) => `  ${camel(one.called)}: "${one.put(jsonText)}",`,
    tail: '\n} as const\n',
  }),
  form('go', {
    path: 'internal/{service}/config.go',
    head: 'package {service}\n\nimport "time"\n\nconst timeout = 30 * time.Second\n\nvar (\n',
    line: (one) => `\t${camel(one.called)} = "${one.put(jsonText)}"`,
    tail: '\n)\n',
  }),
  form('csharp', {
    path: 'src/{service}/Settings.cs',
    head: 'namespace Northwind.{service};\n\npublic static class Settings\n{\n',
    line: (one) => `    public const string ${pascal(one.called)} = "${one.put(jsonText)}";`,
    tail: '\n}\n',
  }),
  form('php', {
    path: 'config/{service}.php',
    head: "<?php\n\nreturn [\n    'debug' => false,\n",
    line: (one) => `    '${snake(one.called)}' => '${one.put(jsonText)}',`,
    tail: '\n];\n',
  }),
  form('php-define', {
    path: 'wp-content/{service}-config.php',
    head: '<?php\n',
    line: (one) => `define('${one.called}', '${one.put(jsonText)}');`,
  }),
  form('ruby', {
    path: 'config/initializers/{service}.rb',
    head: 'Northwind.configure do |config|\n',
    line: (one) => `  config.${snake(one.called)} = "${one.put(jsonText)}"`,
    tail: '\nend\n',
  }),
  form('rust', {
    path: 'crates/{service}/src/config.rs',
    head: 'use std::time::Duration;\n\npub const TIMEOUT: Duration = Duration::from_secs(30);\n',
    line: (one) => `pub const ${one.called}: &str = "${one.put(jsonText)}";`,
  }),
  form('swift', {
    path: 'Sources/{service}/Secrets.swift',
    head: 'import Foundation\n\nenum Environment {\n',
    line: (one) => `    static let ${camel(one.called)} = "${one.put(jsonText)}"`,
    tail: '\n}\n',
  }),
  form('c-define', {
    path: 'firmware/{service}/config.h',
    head: '#ifndef CONFIG_H\n#define CONFIG_H\n',
    line: (one) => `#define ${one.called} "${one.put(jsonText)}"`,
    tail: '\n#endif\n',
  }),
  form('elixir', {
    path: 'config/prod.exs',
    head: 'import Config\n\nconfig :{service},\n  pool_size: 10,\n',
    line: (one) => `  ${snake(one.called)}: "${one.put(jsonText)}"`,
    between: ',\n',
  }),
  form('groovy', {
    path: 'ci/{service}.Jenkinsfile',
    head: 'pipeline {\n  agent any\n  environment {\n',
    line: (one) => `    ${one.called} = '${one.put(jsonText)}'`,
    tail: "\n  }\n  stages {\n    stage('Build') { steps { sh 'make' } }\n  }\n}\n",
  }),
  form('headers', {
    path: 'src/{service}/fetch.js',
    head: 'export async function load(path) {\n  const answer = await fetch(base + path, {\n    headers: {\n      accept: "application/json",\n',
    line: (one) => `      "x-${kebab(one.called)}": "${one.put(jsonText)}",`,
    tail: '\n    },\n  })\n  return answer.json()\n}\n',
  }),
  form('minified', {
    path: 'public/{service}.min.js',
    head: '!function(e,t){"object"==typeof exports?module.exports=t():e.app=t()}(this,(function(){"use strict";var n=Object.assign||function(e){for(var t=1;t<arguments.length;t++){var r=arguments[t];for(var o in r)e[o]=r[o]}return e},r={retries:3,',
    line: (one) => `${camel(one.called)}:"${one.put(jsonText)}"`,
    between: ',',
    tail: '};function o(e,t){return null==t?void 0:n({},r,{path:e,token:t.token})}return{config:r,open:o}}));\n',
  }),
]
