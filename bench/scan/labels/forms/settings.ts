import { camel, dotted, jsonText, kebab, pascal, snake, xmlText } from '../words.ts'
import { form, type Form } from './form.ts'

const comments = [
  '# rotated by the platform team, ask in #infra before you change it',
  '# see the runbook',
  '# TODO move to the vault',
  '',
]

/** Files of settings. */
export const settings: readonly Form[] = [
  form('env', {
    path: '.env.production',
    head: '# {service}\nNODE_ENV=production\n',
    line: (one) => `${one.called}=${one.put()}`,
  }),
  form('env-quoted', {
    path: 'deploy/{service}.env',
    line: (one, random) =>
      `${random.chance(0.2) ? `${random.pick(comments)}\n` : ''}${one.called}="${one.put()}"`,
  }),
  form('yaml', {
    path: 'config/{service}.yaml',
    head: 'service: {service}\nreplicas: 3\nsettings:\n',
    line: (one, random) =>
      `  ${snake(one.called)}: ${random.chance(0.5) ? `"${one.put()}"` : one.put((value) => (/^[\w./-]+$/.test(value) ? value : `'${value}'`))}`,
  }),
  form('json', {
    path: 'config/{service}.json',
    head: '{\n  "service": "{service}",\n  "settings": {\n',
    line: (one) => `    "${camel(one.called)}": "${one.put(jsonText)}"`,
    between: ',\n',
    tail: '\n  }\n}\n',
  }),
  form('toml', {
    path: 'config/{service}.toml',
    head: '[{service}]\nworkers = 4\n',
    line: (one) => `${snake(one.called)} = "${one.put(jsonText)}"`,
  }),
  form('ini', {
    path: 'etc/{service}.ini',
    head: '; {service}\n[main]\n',
    line: (one) => `${snake(one.called)} = ${one.put()}`,
  }),
  form('properties', {
    path: 'src/main/resources/application-{service}.properties',
    head: 'spring.application.name={service}\n',
    line: (one) => `app.${dotted(one.called)}=${one.put()}`,
  }),
  form('xml', {
    path: 'Web.Release.config',
    head: '<?xml version="1.0"?>\n<configuration>\n  <appSettings>\n',
    line: (one) => `    <add key="${pascal(one.called)}" value="${one.put(xmlText)}" />`,
    tail: '\n  </appSettings>\n</configuration>\n',
  }),
  form('xml-elements', {
    path: 'conf/{service}-settings.xml',
    head: '<settings>\n',
    line: (one) => `  <${camel(one.called)}>${one.put(xmlText)}</${camel(one.called)}>`,
    tail: '\n</settings>\n',
  }),
  form('terraform', {
    path: 'infra/{service}.tf',
    head: 'terraform {\n  required_version = ">= 1.6"\n}\n\nlocals {\n  service = "{service}"\n}\n\n',
    line: (one) =>
      `variable "${snake(one.called)}" {\n  type    = string\n  default = "${one.put(jsonText)}"\n}\n`,
  }),
  form('tfvars', {
    path: 'infra/prod.auto.tfvars',
    line: (one) => `${snake(one.called).padEnd(28)} = "${one.put(jsonText)}"`,
  }),
  form('compose', {
    path: 'docker-compose.prod.yml',
    head: 'services:\n  {service}:\n    image: registry.northwind.io/{service}:4.2\n    restart: always\n    environment:\n',
    line: (one) => `      - ${one.called}=${one.put()}`,
    tail: '\n    ports:\n      - "8080:8080"\n',
  }),
  form('kubernetes-env', {
    path: 'k8s/{service}-deployment.yaml',
    head: 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {service}\nspec:\n  template:\n    spec:\n      containers:\n        - name: {service}\n          image: registry.northwind.io/{service}:4.2\n          env:\n',
    line: (one) => `            - name: ${one.called}\n              value: "${one.put(jsonText)}"`,
  }),
  form('helm-values', {
    path: 'charts/{service}/values-prod.yaml',
    head: 'image:\n  repository: registry.northwind.io/{service}\n  tag: "4.2"\nconfig:\n',
    line: (one) => `  ${camel(one.called)}: ${one.put((value) => JSON.stringify(value))}`,
  }),
  form('workflow', {
    path: '.github/workflows/{service}.yml',
    head: 'name: {service}\non: [push]\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    env:\n',
    line: (one) =>
      `      ${one.called}: ${one.put((value) => (/^[\w./-]+$/.test(value) ? value : `"${value}"`))}`,
    tail: '\n    steps:\n      - uses: actions/checkout@v4\n      - run: make test\n',
  }),
  form('ansible', {
    path: 'group_vars/{service}/main.yml',
    head: '---\n',
    line: (one) => `${snake(one.called)}: "${one.put(jsonText)}"`,
  }),
  form('kebab-yaml', {
    path: 'src/main/resources/application-prod.yml',
    head: 'spring:\n  application:\n    name: {service}\nclient:\n',
    line: (one) =>
      `  ${kebab(one.called)}: ${one.put((value) => (/^[\w./-]+$/.test(value) ? value : `"${value}"`))}`,
  }),
]
