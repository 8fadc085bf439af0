"""XML, read without entities and without the network."""

from lxml import etree

from crossjepa.errors import BadMesh


def parse_xml(data: bytes) -> etree._Element:
    """The root element of a document.

    Raises:
        BadMesh: if it is not well-formed, or defines entities, which can grow without bound.
    """
    if b"<!ENTITY" in data or b"<\0!\0E\0N\0T\0I\0T\0Y" in data:
        raise BadMesh("XML entities are not supported")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadMesh(f"not well-formed XML: {error}") from error


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
