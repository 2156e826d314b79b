"""The AsyncAPI and the OpenAPI document, for editors and generators."""
